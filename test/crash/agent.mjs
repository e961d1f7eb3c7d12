/**
 * The program that is killed: the built package on a folder, commands on standard input, answers on descriptor 3. Answers
 * are written synchronously, so an acknowledgement that was seen was given. At the end of its input it closes and ends.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openJsonStore, openRuntime, systemClock, systemIds } from 'sessionwright'

const [dir = '', sizes = '{}'] = process.argv.slice(2)
/** @type {import('sessionwright').Runtime} */
let runtime

const commands = createInterface({ input: process.stdin })
commands.on('line', (line) => {
  const command = JSON.parse(line)
  void (command.name === 'open' ? open() : answer(command))
})
commands.on('close', () => void runtime?.close())
say({ is: 'loaded' })

async function open() {
  say({ is: 'opening' })
  try {
    const store = openJsonStore({
      dir,
      clock: systemClock,
      unique: () => systemIds.session(),
      ...JSON.parse(sizes),
    })
    runtime = await openRuntime({ store, maxLiveActors: 4 })
    const { tornTail, damage, sessions } = runtime.stats().store
    say({ is: 'ready', tornBytes: tornTail?.bytes ?? 0, damage, sessions })
  } catch (error) {
    say({ is: 'broken', error: String(error) })
  }
}

async function answer(command) {
  const { number } = command
  try {
    say({ number, answer: await perform(command) })
  } catch (error) {
    say({ number, code: error.code ?? 'none', message: error.message, actual: error.details?.actual })
  }
}

async function perform({ name, sessionId, operationId, args = [] }) {
  const options = { operationId }
  switch (name) {
    case 'create':
      return { status: (await runtime.create({ id: sessionId, ...args[0] }, options)).status }
    case 'delete':
      return { deleted: await runtime.delete(sessionId, { ...options, force: true }) }
    case 'erase':
      return runtime.erase({ sessionId }, { force: true })
    case 'checkpoint':
    case 'compact':
      await runtime[name]()
      return {}
    default: {
      const session = await runtime.get(sessionId)
      const result = await session[name](...args, options)
      // A handle shows the newest acknowledged revision, which may be that of a later command.
      return result.state === undefined ? result : { revision: null, status: result.status }
    }
  }
}

function say(message) {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(3, bytes, done)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}
