/**
 * A plain agent loop that survives `kill -9`. Run it, kill it while the tool works, run it again:
 *
 *     node examples/plain-loop.mjs ./sessions
 *
 * Every step of a turn has a name made of the session and the turn, the same before and after a crash. A step whose entry
 * is in the transcript is never run again. A step that was under way when the process died is run again with the same
 * idempotency key, so that a provider that knows the key does not do it twice.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { assistantMessage, openRuntime, systemEvent, toolCall, userMessage } from 'sessionwright'

/** One turn: what the user says, model and tool calls, and the answer. Call it again after a crash, with the same turn id. */
export async function runTurn(
  session,
  userText,
  model,
  tools,
  turnId = `turn-${session.usage.turnCount + 1}`,
) {
  const done = new Map()
  for await (const entry of session.entries()) done.set(entry.id, entry.content)

  /** Writes down what a step led to. The operation id answers a retry; the entry id finds it again. */
  const keep = async (id, entry) => {
    const answer = await session.append({ ...entry, id }, { operationId: id })
    if (!answer.kept) throw new Error(`the session was ${answer.outcome} by its limits`)
    done.set(id, entry.content)
  }
  /** Asks the limits before something is spent. With the action `error` they throw LIMIT_REACHED. */
  const mayGoOn = async (door) => {
    const answer = await session.admit(door)
    if (!answer.admitted) throw new Error(`the session was ${answer.outcome} by its limits`)
  }
  const keyOf = (id) => ({ idempotencyKey: `${session.id}/${id}` })

  // Not re-run: a user message that is written down. The turn it opens stays open until the answer is.
  if (!done.has(`${turnId}/user`)) await keep(`${turnId}/user`, userMessage(userText))

  for (let step = 1; ; step += 1) {
    const id = `${turnId}/model-${step}`
    let said = done.get(id)
    if (said === undefined) {
      // Re-run: a model call that had not been written down when the process died. It may be billed twice, unless
      // the provider knows the key; what it said the first time is lost, and nobody has acted on it.
      await mayGoOn('modelCall')
      said = await model([...done.values()], keyOf(id))
      // The answer closes the turn. A model that asks for tools has not answered yet.
      const isAnswer = said.calls === undefined
      await keep(id, isAnswer ? assistantMessage(said.text) : systemEvent('tools_requested', said))
    }
    if (said.calls === undefined) return said.text

    for (const [index, call] of said.calls.entries()) {
      const callId = `${id}/tool-${index + 1}`
      // Not re-run: a call whose result is written down.
      if (done.has(callId)) continue
      await mayGoOn('toolCall')
      // Re-run: a call without a result. Whether it took effect is not known here; the key lets the tool find out.
      const result = await tools[call.name](call.input, keyOf(callId))
      await keep(callId, toolCall(call.name, true, { ...call, result }))
    }
  }
}

// A model that plays a script, and a payment provider that knows its idempotency keys. No key, no network.
const model = async (transcript, { idempotencyKey }) => {
  console.log(`model called   ${idempotencyKey}`)
  const paid = transcript.find((content) => content?.result !== undefined)
  if (paid === undefined) return { calls: [{ name: 'charge', input: { amount: 42 } }] }
  return { text: `Paid. Your receipt is ${paid.result.receipt}.` }
}

const providerIn = (dir) => {
  const ledger = join(dir, 'provider.jsonl')
  return async ({ amount }, { idempotencyKey }) => {
    const lines = existsSync(ledger)
      ? readFileSync(ledger, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
      : []
    const known = lines.find((line) => line.idempotencyKey === idempotencyKey)
    const charge = known ?? { idempotencyKey, amount, receipt: `r-${lines.length + 1}` }
    if (known === undefined) appendFileSync(ledger, `${JSON.stringify(charge)}\n`)
    console.log(`charge called  ${idempotencyKey} ${known === undefined ? 'charged' : 'was charged before'}`)
    await wait(400) // The answer is on its way: time to kill the process.
    return { receipt: charge.receipt }
  }
}

const dir = process.argv[2] ?? './sessions'
mkdirSync(dir, { recursive: true })
const runtime = await openRuntime({ dir: join(dir, 'store') })
const opened = await runtime.getOrCreate('order-7', { limits: { maxTurns: 20, maxToolCalls: 5 } })
const session = opened.state === 'created' ? await opened.activate() : opened.as('active')
console.log(`session at     revision ${session.revision}`)

// The turn id is the id of the user's message, so a message that is delivered twice is answered once.
console.log(await runTurn(session, 'I pay.', model, { charge: providerIn(dir) }, 'message-1'))
await runtime.close()
