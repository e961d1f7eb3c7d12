/**
 * A process whose disk fails once: it appends to a few sessions in the folder of its first argument, with a checkpoint and a
 * rotation on the way, and says on standard output what became of each append. Lines are written synchronously, so what was
 * heard was said.
 */
import { writeSync } from 'node:fs'
import { openJsonStore, openRuntime, systemClock, systemIds } from 'sessionwright'

const [dir = '', rounds = '30'] = process.argv.slice(2)
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`)
process.on('unhandledRejection', (reason) => say({ unhandled: String(reason) }))

/** The code of what a promise rejects with; null when it does not. */
const codeOf = (promise) =>
  promise.then(
    () => null,
    (error) => error.code ?? String(error),
  )

async function live() {
  const unique = () => systemIds.session()
  const store = openJsonStore({ dir, clock: systemClock, unique, segmentBytes: 6_000, idleMarkMs: 1 })
  const runtime = await openRuntime({ store })
  const sessions = []
  for (const id of ['a', 'b']) sessions.push(await (await runtime.getOrCreate(id, {})).activate())
  for (let round = 1; round <= Number(rounds); round += 1) {
    await Promise.all(
      sessions.flatMap((session) =>
        [1, 2].map(async (part) => {
          const text = `${session.id}-${round}-${part}`
          say({ sent: text })
          say({ text, code: await codeOf(session.append({ type: 'user_message', content: text })) })
        }),
      ),
    )
    if (round === 8) say({ did: 'checkpoint', code: await codeOf(runtime.checkpoint()) })
    if (round === 16) say({ did: 'compact', code: await codeOf(runtime.compact()) })
  }
  say({ did: 'close', code: await codeOf(runtime.close()) })
}

say({ did: 'all', code: await codeOf(live()) })
process.exit(0)
