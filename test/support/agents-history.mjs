/**
 * The program that is killed: an OpenAI Agents session on a folder. Each line on standard input is a transaction, each line
 * on standard output what the history is once it is acknowledged.
 */
import { createInterface } from 'node:readline'
import { openRuntime } from 'sessionwright'

const [dir = '', integration = ''] = process.argv.slice(2)
const { sessionwrightSession } = await import(integration)
const runtime = await openRuntime({ dir })
const session = await sessionwrightSession(runtime, 's')
console.log(JSON.stringify(await session.getItems()))

for await (const line of createInterface({ input: process.stdin })) {
  await session.applyHistoryTransaction(JSON.parse(line))
  console.log(JSON.stringify(await session.getItems()))
}
