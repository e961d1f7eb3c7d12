/** Lines that a repair puts in where none stands any more. */
import { beforeEach, expect, test } from 'vitest'
import { repair } from '../../../../src/store/json-store/repair.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import {
  damage,
  grep,
  loneProcess,
  openOn,
  unique,
  withoutCheckpoints,
} from '../../../support/crashable-store.ts'

let files: CrashableFileSystem
beforeEach(() => {
  files = new CrashableFileSystem()
})

test('[RP4, SA1] a session with no line left comes back from its snapshot', async () => {
  const store = await openOn(files)
  const only = new SampleSession('only')
  await only.append(store, { entries: [] })
  await store.close()
  await files.remove('/s/journal/00000001.jsonl')

  const { sessions } = await repair('/s', { files, processes: loneProcess(), unique })

  expect(sessions).toEqual([
    { sessionId: 'only', outcome: 'suffix', revision: 1, lostRevisions: [], liftedEntries: 0 },
  ])
  const reopened = await openOn(files)
  expect(reopened.stats().damage).toEqual([])
  expect(await reopened.state('only')).toEqual(only.state)
  await only.append(reopened)
  await reopened.close()
  await withoutCheckpoints(files)
  expect(await (await openOn(files)).state('only')).toEqual(only.state)
})

test('[RP4, SA1] a line that is gone comes back in its own place, between its neighbours', async () => {
  const store = await openOn(files, { segmentBytes: 100_000 })
  const [a, b, c] = [new SampleSession('a'), new SampleSession('b'), new SampleSession('c')]
  for (const session of [a, b, c]) await session.append(store, { entries: [] })
  await store.close()
  await damage(files, 'sample b')

  const { sessions } = await repair('/s', { files, processes: loneProcess(), unique })

  expect(sessions).toMatchObject([{ sessionId: 'b', outcome: 'suffix', revision: 1 }])
  expect(grep(files, '/journal/').match(/"pos":\[1,\d\]/g)).toEqual([
    '"pos":[1,1]',
    '"pos":[1,2]',
    '"pos":[1,3]',
  ])
  const reopened = await openOn(files)
  expect(reopened.stats().damage).toEqual([])
  expect(await reopened.state('b')).toEqual(b.state)
  for (const one of [a, c]) expect(await reopened.state(one.id)).toEqual(one.state)
})

test('[DR1, RE1] the id of an entry is not taken for that of a session', async () => {
  const store = await openOn(files)
  const session = new SampleSession('a')
  const entries = [{ id: 'entry-7', at: 1, type: 'sample', content: 'text' }]
  for (let turn = 1; turn <= 2; turn += 1) await session.append(store, { entries })
  await store.close()
  await damage(files, 'id":"a","rev":2')

  const { before, sessions } = await repair('/s', { files, processes: loneProcess(), unique })

  expect(before.damagedSessions).toEqual(['a'])
  expect(sessions.map(({ sessionId }) => sessionId)).toEqual(['a'])
})
