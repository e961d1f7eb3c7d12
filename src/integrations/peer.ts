/**
 * How integrations come by the packages they integrate: on demand, never when they are imported themselves.
 */
import { sessionError } from '../errors.ts'

/**
 * The peer that `load` imports.
 *
 * @throws PEER_MISSING - `peer` is not installed; the message has the line that installs it.
 */
export async function loadPeer<Peer>(peer: string, load: () => Promise<Peer>): Promise<Peer> {
  try {
    return await load()
  } catch (error) {
    // What is there and does not load has a reason of its own.
    if ((error as { readonly code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw sessionError('PEER_MISSING', { peer, install: `npm install ${peer}` }, error)
  }
}
