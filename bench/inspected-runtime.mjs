/**
 * A runtime with an inspector in a process of its own, so that what drives the browser costs it nothing. It does what
 * messages `{call, args}` ask, one after the other, and answers each with `{answer}`.
 */
import { openRuntime } from 'sessionwright'
import { startInspector } from 'sessionwright/inspector'
import { appender, drive, ENTRIES, figuresOf, SESSIONS, sessionIdOf, warmUp } from './work.mjs'

const CHANGES = 10_000
const AT_ONCE = 500

let runtime, inspector, append

const CALLS = {
  /** Opens a filled store, with a long session beside; gives that and one of those that are appended to. */
  async open(dir) {
    runtime = await openRuntime({ dir })
    inspector = await startInspector(runtime)
    const long = await longSession()
    const sessions = await Promise.all(
      Array.from({ length: SESSIONS }, async (_, n) =>
        (await runtime.get(sessionIdOf(n * 50 + 1))).as('active'),
      ),
    )
    append = appender(sessions)
    return { long: { id: long.id, revision: long.revision }, busyId: sessions[0].id }
  },
  url: async () => inspector.newUrl(),
  warmUp: (ms) => warmUp(64, ms, append),
  appendFor: async (ms) => figuresOf(await drive(64, ms, append)),
  async close() {
    await inspector.close()
    await runtime.close()
  },
}

async function longSession() {
  const session = await (await runtime.create({ id: 'long' })).activate()
  while (session.revision < CHANGES) {
    const some = ENTRIES.slice(0, Math.min(AT_ONCE, CHANGES - session.revision))
    await Promise.all(some.map((entry) => session.append(entry)))
  }
  return session
}

process.on('message', ({ call, args }) => {
  void CALLS[call](...args).then((answer) => process.send({ answer }))
})
