/**
 * Makes the inspector part of the package: who installs it installs nothing more.
 *   1. The two modules that import hono get it inlined, in place; everything else they import stays as it is, so each module
 *      of ours exists once.
 *   2. The page is built into dist/inspector/page.
 * What comes out is kept by the hash of what went in, so a build that changes nothing costs a few milliseconds.
 *   node scripts/build-inspector.mjs [--force]
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const cache = `${root}node_modules/.cache/sessionwright`
const page = `${root}src/inspector/page`
const config = `${root}vite.inspector.config.ts`
const isForced = process.argv.includes('--force')

/** The server modules whose packages are inlined. */
const SERVER_MODULES = ['listener', 'router']

/** @param {readonly (string | Uint8Array)[]} parts */
function hashOf(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 32)
}

/** @param {string} path */
const bytesOf = (path) => (existsSync(path) ? readFileSync(path) : '')

/** What changes when any installed package does. */
const packages = hashOf(bytesOf(`${root}package-lock.json`), bytesOf(fileURLToPath(import.meta.url)))

/** @param {string} name */
async function bundle(name) {
  const file = `${root}dist/inspector/${name}.js`
  const source = readFileSync(file, 'utf8')
  if (!/^import .* from '(?:hono|@hono\/[\w-]+)';$/m.test(source)) return
  const kept = `${cache}/${name}-${hashOf(source, packages)}.js`
  if (!existsSync(kept) || isForced) {
    const { build } = await import('vite')
    await build({
      configFile: false,
      root,
      logLevel: 'warn',
      resolve: { conditions: ['node', 'module', 'import', 'default'] },
      build: {
        ssr: file,
        write: true,
        outDir: `${cache}/${name}`,
        emptyOutDir: true,
        minify: false,
        target: 'node20',
        copyPublicDir: false,
        rolldownOptions: {
          // Ours stay modules of their own; what packages import is inlined with them.
          external: (id, importer) =>
            isBuiltin(id) || (id.startsWith('.') && importer?.includes('/node_modules/') === false),
          makeAbsoluteExternalsRelative: false,
          output: { entryFileNames: 'out.js', format: 'es', codeSplitting: false },
        },
      },
      ssr: { noExternal: true },
    })
    writeFileSync(kept, `${NOTICE}${readFileSync(`${cache}/${name}/out.js`, 'utf8')}`)
    rmSync(`${cache}/${name}`, { recursive: true, force: true })
  }
  writeFileSync(file, readFileSync(kept))
  rmSync(`${file}.map`, { force: true })
}

/** @param {string} id */
function isBuiltin(id) {
  return id.startsWith('node:') || builtinModules.includes(id)
}

const NOTICE = `/*! Holds hono and @hono/node-server, (c) Yusuke Wada and Hono contributors, MIT license:
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
 * files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
 * modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
 * Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
 * shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
 * OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
 * PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
 * THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
`

async function buildPage() {
  if (!existsSync(`${page}/index.html`)) return
  const files = readdirSync(page, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => `${item.parentPath}/${item.name}`)
    .sort()
  const hash = hashOf(
    packages,
    bytesOf(config),
    ...files.flatMap((path) => [path.slice(page.length), readFileSync(path)]),
  )
  const stamp = `${cache}/page.hash`
  const isBuilt = existsSync(`${root}dist/inspector/page/index.html`)
  if (!isForced && isBuilt && String(bytesOf(stamp)) === hash) return
  const { build } = await import('vite')
  await build({ configFile: config, root: page, logLevel: 'error' })
  writeFileSync(stamp, hash)
}

mkdirSync(cache, { recursive: true })
for (const name of SERVER_MODULES) await bundle(name)
await buildPage()
