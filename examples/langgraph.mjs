/**
 * A LangGraph that stops for a person, in a process that does not survive the wait.
 *
 *   node examples/langgraph.mjs     writes a draft, asks, and is killed with SIGKILL
 *   node examples/langgraph.mjs     another process: nothing is written again, the answer goes on where the graph stopped
 *
 * The folder is `.sessions/langgraph`, or the first argument.
 */
import { Annotation, Command, END, interrupt, START, StateGraph } from '@langchain/langgraph'
import { openRuntime } from 'sessionwright'
import { SessionwrightSaver } from 'sessionwright/langgraph'

const runtime = await openRuntime({ dir: process.argv[2] ?? '.sessions/langgraph' })
const config = { configurable: { thread_id: 'letter-1' } }

const State = Annotation.Root({ draft: Annotation(), sent: Annotation() })
const graph = new StateGraph(State)
  .addNode('write', () => ({ draft: `Dear reader (written by process ${process.pid})` }))
  .addNode('send', () => ({ sent: interrupt('Send it?') === 'yes' }))
  .addEdge(START, 'write')
  .addEdge('write', 'send')
  .addEdge('send', END)
  .compile({ checkpointer: new SessionwrightSaver(runtime) })

const { tasks } = await graph.getState(config)
const questions = tasks.flatMap(({ interrupts }) => interrupts)

if (questions.length === 0) {
  await graph.invoke({}, config)
  console.log(`process ${process.pid} asked and is killed now`)
  process.kill(process.pid, 'SIGKILL')
}

console.log(`process ${process.pid} found the question: ${questions[0].value}`)
const { draft, sent } = await graph.invoke(new Command({ resume: 'yes' }), config)
console.log(sent ? 'sent:' : 'kept:', draft)
await runtime.close()
