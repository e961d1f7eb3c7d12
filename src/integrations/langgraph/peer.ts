/**
 * LangGraph's checkpoint package, loaded with the saver: a class can only extend what is there. Nothing else of
 * sessionwright imports this module.
 */
import { loadPeer } from '../peer.ts'

/** The package as installed. @throws PEER_MISSING when this module is imported without it */
export const peer = await loadPeer(
  '@langchain/langgraph-checkpoint',
  () => import('@langchain/langgraph-checkpoint'),
)
