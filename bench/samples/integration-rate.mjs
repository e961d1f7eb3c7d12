/** Turns a second through one integration, or through what its framework ships for the same place. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { assistantMessage, openRuntime, userMessage } from 'sessionwright'
import { whySkipped } from '../peers.mjs'
import { drive, ENTRIES, figuresOf } from '../work.mjs'

/** A conversation ends after so many turns, and the next begins. */
const TURNS = 20

/** Runs one sample; `{why}` when it cannot be measured here. */
export async function run({ kind, inFlight, ms, warmUpMs, folder }) {
  const dir = mkdtempSync(join(folder, 'integration-'))
  try {
    const { begin, close } = await KINDS[kind](dir)
    let begun = 0
    const free = []
    const ask = async () => {
      const conversation = free.pop() ?? { turns: 0, turn: await begin(`conversation-${(begun += 1)}`) }
      const { turns } = conversation
      await conversation.turn(
        turns,
        ENTRIES[(2 * turns) % 1024].content.text,
        ENTRIES[(2 * turns + 1) % 1024].content.text,
      )
      conversation.turns += 1
      if (conversation.turns < TURNS) free.push(conversation)
    }
    await drive(inFlight, warmUpMs, ask)
    const figures = figuresOf(await drive(inFlight, ms, ask))
    await close()
    return figures
  } catch (error) {
    return { why: whySkipped(error) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A turn: what the user says, what the session holds, what is answered. */
const KINDS = {
  async 'agents ours'(dir) {
    const { sessionwrightSession } = await import('sessionwright/openai-agents')
    const runtime = await openRuntime({ dir })
    return {
      begin: async (id) => agentsTurn(await sessionwrightSession(runtime, id)),
      close: () => runtime.close(),
    }
  },
  async 'agents memory'() {
    const { MemorySession } = await import('@openai/agents')
    return {
      begin: async (id) => agentsTurn(new MemorySession({ sessionId: id })),
      close: () => Promise.resolve(),
    }
  },
  async 'langgraph ours'(dir) {
    const { SessionwrightSaver } = await import('sessionwright/langgraph')
    const runtime = await openRuntime({ dir })
    const graph = await savingTurns(new SessionwrightSaver(runtime))
    return { ...graph, close: () => runtime.close() }
  },
  async 'langgraph memory'() {
    const { memorySaver } = await import('../peers/langgraph.mjs')
    return { ...(await savingTurns(memorySaver())), close: () => Promise.resolve() }
  },
  'langgraph sqlite': (dir) => sqlite(dir, 'NORMAL'),
  'langgraph sqlite full': (dir) => sqlite(dir, 'FULL'),
  async 'ai-sdk ours'(dir) {
    const { sessionwrightChat } = await import('sessionwright/ai-sdk')
    const runtime = await openRuntime({ dir })
    const begin = async (id) => {
      const chat = await sessionwrightChat(runtime, id)
      return async (n, asked, answered) => {
        const { messages } = await chat.submit(uiMessage(`user-${n}`, 'user', asked))
        await chat.save([...messages, uiMessage(`assistant-${n}`, 'assistant', answered)])
      }
    }
    return { begin, close: () => runtime.close() }
  },
  async 'ai-sdk memory'() {
    const begin = () => {
      let kept = []
      return async (n, asked, answered) => {
        kept.push(structuredClone(uiMessage(`user-${n}`, 'user', asked)))
        const messages = structuredClone(kept)
        kept = structuredClone([...messages, uiMessage(`assistant-${n}`, 'assistant', answered)])
      }
    }
    return { begin: async () => begin(), close: () => Promise.resolve() }
  },
  /** As `runTurn` of examples/plain-loop.mjs does it, without tools. */
  async 'loop ours'(dir) {
    const runtime = await openRuntime({ dir })
    const begin = async (id) => {
      const session = await (await runtime.getOrCreate(id)).activate()
      return async (n, asked, answered) => {
        const keep = (step, entry) => session.append({ ...entry, id: step }, { operationId: step })
        const transcript = []
        for await (const entry of session.entries()) transcript.push(entry)
        await keep(`turn-${n}/user`, userMessage(asked))
        await session.admit('modelCall')
        await keep(`turn-${n}/model`, assistantMessage(answered))
      }
    }
    return { begin, close: () => runtime.close() }
  },
  async 'loop memory'() {
    const begin = () => {
      const kept = []
      return async (n, asked, answered) => {
        structuredClone(kept)
        kept.push({ ...userMessage(asked), id: `turn-${n}/user` })
        kept.push({ ...assistantMessage(answered), id: `turn-${n}/model` })
      }
    }
    return { begin: async () => begin(), close: () => Promise.resolve() }
  },
}

function agentsTurn(session) {
  return async (_n, asked, answered) => {
    await session.addItems([{ type: 'message', role: 'user', content: asked }])
    await session.getItems()
    const content = [{ type: 'output_text', text: answered }]
    await session.addItems([{ type: 'message', role: 'assistant', status: 'completed', content }])
  }
}

async function sqlite(dir, synchronous) {
  const { sqliteSaver } = await import('../peers/langgraph.mjs')
  const saver = await sqliteSaver(dir, synchronous)
  return { ...(await savingTurns(saver)), close: async () => saver.db.close() }
}

async function savingTurns(saver) {
  const { appendTo } = await import('../peers/langgraph.mjs')
  const append = appendTo(saver)
  const begin = async (id) => async (_n, asked, answered) => {
    await append(id, { role: 'user', content: asked })
    await saver.getTuple({ configurable: { thread_id: id, checkpoint_ns: '' } })
    await append(id, { role: 'assistant', content: answered })
  }
  return { begin }
}

function uiMessage(id, role, text) {
  return { id, role, parts: [{ type: 'text', text }] }
}
