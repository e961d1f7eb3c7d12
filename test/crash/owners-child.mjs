/**
 * A process that wants to own the store in the folder of its first argument. It does what its parent tells it: take the store,
 * keep appending, tell what it sees, let a process or thread of its own try too, let go.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { openJsonStore, openRuntime, systemClock, systemIds } from 'sessionwright'

const program = fileURLToPath(import.meta.url)
const dir = isMainThread ? process.argv[2] : process.env['STORE_OF_THREAD']
const say = (line) => (isMainThread ? process.send(line) : parentPort.postMessage(line))

let runtime
let isFlowing = false
let count = 0
let lanes = Promise.resolve()

/** Takes the store. A blind starter holds every other process for dead, as one in another container would. */
async function take({ blind }) {
  const self = { pid: process.pid, startTime: `blind-${process.pid}`, bootId: null, host: 'elsewhere' }
  const processes = { self: async () => self, isAlive: async () => false }
  const store = openJsonStore({
    dir,
    clock: systemClock,
    unique: () => systemIds.session(),
    segmentBytes: 16_000,
    idleMarkMs: 5,
    ...(blind === true ? { processes } : {}),
  })
  try {
    runtime = await openRuntime({ store })
    return { epoch: runtime.stats().store.epoch }
  } catch (error) {
    return { code: error.code, pid: error.details?.pid }
  }
}

/** Appends in four lanes, in each one after the other, until asked for the texts or refused. */
async function flow({ name }) {
  const session = await runtime.getOrCreate('shared', {})
  const active = session.state === 'created' ? await session.activate() : session.as('active')
  isFlowing = true
  const lane = async () => {
    while (isFlowing) {
      const text = `${name}-${process.pid}-${(count += 1)}`
      try {
        await active.append({ type: 'user_message', content: text })
        say({ acknowledged: text })
      } catch (error) {
        say({ refused: text, code: error.code })
        isFlowing = false
      }
    }
  }
  lanes = Promise.all([lane(), lane(), lane(), lane()])
  return {}
}

async function texts() {
  isFlowing = false
  await lanes
  const found = []
  if (!runtime.has('shared')) return { texts: found }
  for await (const { content } of (await runtime.get('shared')).entries()) found.push(content)
  return { texts: found }
}

/** The answer of another program or thread of this process that takes the same store. */
const answerOf = (other) =>
  new Promise((resolve) => {
    other.on('message', (line) => {
      if (line.ready === true) (other.postMessage ?? other.send).call(other, { do: 'take', number: 0 })
      else if (line.number === 0) resolve(line)
    })
  })

const tasks = {
  take,
  flow,
  texts,
  async fork() {
    const child = fork(program, [dir])
    const { answer } = await answerOf(child)
    child.kill('SIGKILL')
    return answer
  },
  async threads({ threads }) {
    const workers = Array.from(
      { length: threads },
      () => new Worker(program, { env: { ...process.env, STORE_OF_THREAD: dir } }),
    )
    const answers = await Promise.all(workers.map(answerOf))
    await Promise.all(workers.map((worker) => worker.terminate()))
    return answers.map(({ answer }) => answer)
  },
  async close() {
    await runtime.close()
    return {}
  },
}

const hear = async (order) => {
  const { number } = order
  try {
    say({ number, answer: await tasks[order.do](order) })
  } catch (error) {
    say({ number, answer: { code: error.code ?? String(error) } })
  }
}
const port = isMainThread ? process : parentPort
port.on('message', (order) => void hear(order))
say({ ready: true })
