/** Changes that a runtime made for one session, to be appended to a store again for others. */
import { createMemoryStore, openRuntime } from 'sessionwright'

/** What a store is given while `use` works on a new session: each change, and the state after it. */
export async function changesOf(options, use) {
  const store = createMemoryStore()
  const kept = []
  const append = store.append.bind(store)
  store.append = (change, after, text) => {
    kept.push({ change, after })
    return append(change, after, text)
  }
  const runtime = await openRuntime({ store })
  await use(await (await runtime.create(options)).activate())
  await runtime.close()
  return kept
}
