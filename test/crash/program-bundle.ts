/**
 * A child program and the built package in one file: a process that lives for a tenth of a second should not spend three
 * times that on finding and compiling its modules. Nothing is minified or left out. `compiled-start.cjs` runs it with the code
 * that V8 kept of an earlier run.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What starts a bundled program; the program is its first argument. */
export const COMPILED_START = fileURLToPath(new URL('./compiled-start.cjs', import.meta.url))

/** Bundles `test/crash/<name>.mjs` into a folder; resolves with the program to run. */
export async function bundledProgram(name: 'agent' | 'owners-child', folder: string): Promise<string> {
  // The writer's thread is found beside whoever starts it.
  await bundle('writer-thread', `${root}dist/store/json-store/writer-thread.js`, folder)
  return bundle(name, `${root}test/crash/${name}.mjs`, folder)
}

/** One module with all it imports, as one script. */
async function bundle(name: string, module: string, folder: string): Promise<string> {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    resolve: { alias: { sessionwright: `${root}dist/index.js` } },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rollupOptions: {
        input: { [name]: module },
        output: { format: 'cjs', entryFileNames: '[name].js' },
      },
    },
  })
  return `${folder}/${name}.js`
}
