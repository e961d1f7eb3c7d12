/** The process of a sample: `node sample-process.mjs MODULE OPTIONS` prints one JSON document. */
const [, , module, options] = process.argv
const { run } = await import(`./samples/${module}.mjs`)
say(await run(JSON.parse(options), say))
// What a peer leaves running is not waited for.
process.exit(0)

function say(answer) {
  const { user, system } = process.cpuUsage()
  process.stdout.write(`\n${JSON.stringify({ ...answer, cpuSeconds: (user + system) / 1e6 })}\n`)
}
