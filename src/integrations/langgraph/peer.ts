/**
 * The one place where LangGraph's checkpoint package is loaded: importing the saver without it says what to install.
 */
import { sessionError } from '../../index.ts'

const load = async (): Promise<typeof import('@langchain/langgraph-checkpoint')> => {
  try {
    return await import('@langchain/langgraph-checkpoint')
  } catch (error) {
    throw sessionError(
      'PEER_MISSING',
      {
        peer: '@langchain/langgraph-checkpoint',
        install: 'npm install @langchain/langgraph-checkpoint @langchain/core',
      },
      error,
    )
  }
}

/** The package as installed. */
export const peer = await load()
