/**
 * Starts a bundled program with the code V8 compiled for it in an earlier run: `node compiled-start.cjs PROGRAM [arguments]`.
 * The first run that ends by itself leaves that code beside the program; what V8 does not take is compiled again.
 */
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { Script } = require('node:vm')

process.argv.splice(1, 1)
const program = process.argv[1]
const kept = `${program}.compiled`
const isKept = existsSync(kept)
const script = new Script(
  // A program exports nothing, and is one file.
  `(function (require, __filename) {${readFileSync(program, 'utf8')}\n})`,
  { filename: program, ...(isKept ? { cachedData: readFileSync(kept) } : {}) },
)
if (!isKept) {
  process.on('exit', () => {
    writeFileSync(`${kept}.new`, script.createCachedData())
    renameSync(`${kept}.new`, kept)
  })
}
script.runInThisContext()(createRequire(program), program)
