/**
 * Builds the page into the package: no CDN, no inline script, names by content hash, the layout worker a file of its own.
 */
import { defineConfig } from 'vite'

export default defineConfig({
  root: 'src/inspector/page',
  base: './',
  logLevel: 'warn',
  build: {
    outDir: '../../../dist/inspector/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2022',
    chunkSizeWarningLimit: 2000,
    reportCompressedSize: false,
  },
})
