/** The ledger is what says that nothing was lost, so each thing it must notice is shown to it once. */
import { expect, test } from 'vitest'
import type { RecoveredChange, Sent } from './ledger.ts'
import { Ledger } from './ledger.ts'

const sent = (operationId: string, contents: readonly string[] = [`"${operationId}"`]): Sent => ({
  operationId,
  sessionId: 's',
  event: 'append',
  contents,
  mayLeaveNoChange: false,
})

const change = (revision: number, operationId: string | null, event = 'append'): RecoveredChange => ({
  revision,
  operationId,
  event,
  contents: event === 'append' ? [`"${operationId}"`] : [],
  isLimit: false,
})

/** A session that was made, with `a` acknowledged, `b` refused and `c` unknown. */
function ledger(): Ledger {
  const result = new Ledger()
  result.send({ ...sent('made', []), event: 'created' })
  result.acknowledge('made', null)
  for (const id of ['a', 'b', 'c']) result.send(sent(id))
  result.acknowledge('a', 2)
  result.refuse('b')
  return result
}

const made = change(1, 'made', 'created')
const good = [made, change(2, 'a')]

function faultsOf(history: readonly RecoveredChange[], book = ledger()): readonly string[] {
  return book.check(new Map([['s', history]]))
}

test('what was acknowledged, alone or with what is unknown, is a good history', () => {
  expect(faultsOf(good)).toEqual([])
  expect(faultsOf([...good, change(3, 'c')])).toEqual([])
})

test.each([
  ['lost', [made], /a, acknowledged with revision 2, is lost/],
  ['twice', [...good, change(3, 'a')], /a a second time/],
  ['refused', [...good, change(3, 'b')], /b, which was refused/],
  ['never sent', [...good, change(3, 'x')], /x, which nobody sent/],
  ['by nobody', [...good, change(3, null, 'edit')], /"edit" that nobody sent/],
  ['a gap', [made, change(3, 'c'), change(2, 'a')], /no revision 2/],
  ['moved', [made, change(2, 'c'), change(3, 'a')], /a, acknowledged with revision 2/],
  ['half', [...good, { ...change(3, 'c'), contents: [] }], /c with other entries/],
])('a history that is wrong is told: %s', (_, history, words) => {
  expect(faultsOf(history).join('\n')).toMatch(words)
})

test('a whole session that is lost is told, and one that nobody made', () => {
  expect(ledger().check(new Map())).toEqual(['s: it is lost with 2 changes'])
  expect(new Ledger().check(new Map([['s', good]]))).toEqual(['s: it is there, and nobody made it'])
})

test('what was there once must stay, and what was not must not come when nobody asks again', () => {
  const book = ledger()
  faultsOf([...good, change(3, 'c')], book)
  expect(faultsOf(good, book).join()).toMatch(/"3 c append" was there and is not any more/)

  const closed = ledger()
  faultsOf(good, closed)
  closed.closeUnknown()
  expect(faultsOf([...good, change(3, 'c')], closed).join()).toMatch(/c, which was refused/)
})

test('what was deleted does not come back, and a life begun anew is another one', () => {
  const book = ledger()
  book.send({ ...sent('gone', []), event: 'deleted' })
  book.acknowledge('gone', null)
  expect(faultsOf(good, book)).toEqual(['s: it is there, and was deleted'])

  book.send({ ...sent('again', []), event: 'created' })
  expect(faultsOf([change(4, 'again', 'created')], book)).toEqual([])
  expect(faultsOf([change(4, 'again', 'created'), change(5, 'a')], book).join()).toMatch(
    /a, which was deleted/,
  )
})

test('answers that change, and acknowledgements out of order, are told', () => {
  const book = ledger()
  book.acknowledge('a', 3)
  expect(faultsOf(good, book).join()).toMatch(/a was answered with revision 2, then 3/)

  const late = ledger()
  late.acknowledge('c', 1)
  expect(late.check(new Map()).join()).toMatch(/revision 1 was acknowledged behind 2/)
})

test('a command that stands before one answered before it was sent is told', () => {
  const book = ledger()
  book.acknowledge('c', null)
  book.send(sent('later'))

  expect(faultsOf([...good, change(3, 'later'), change(4, 'c')], book).join()).toMatch(/later stands before/)
})
