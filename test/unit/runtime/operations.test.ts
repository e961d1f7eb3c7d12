import { expect, test } from 'vitest'
import type { Committed } from '../../../src/runtime/commit.ts'
import { OPERATION_WINDOW, OperationWindow } from '../../../src/runtime/operations.ts'
import type { Change } from '../../../src/store/change.ts'

const pending: Promise<Committed> = Promise.resolve({
  revision: 0,
  status: null,
  entryIds: [],
  findings: [],
})

const operation = (n: number) => ({ id: `operation-${n}`, digest: `digest-${n}` })

/** A window that has kept and settled operations 1 to `count`, each at the revision of its number. */
function windowOf(count: number): OperationWindow {
  const window = new OperationWindow()
  for (let n = 1; n <= count; n += 1) {
    window.keep(operation(n), pending)
    window.settle(operation(n), n)
  }
  return window
}

test.each([1, 2, 2.5, 7])(
  '[O1] after %s windows full of operations the newest are known, and not all',
  (windows) => {
    const count = OPERATION_WINDOW * windows
    const window = windowOf(count)

    for (let n = count - OPERATION_WINDOW + 1; n <= count; n += 1)
      expect(window.find(operation(n))).toEqual({ revision: n })
    const known = Array.from({ length: count }, (_, n) => window.find(operation(n + 1))).filter(
      (answer) => answer !== undefined,
    )
    expect(known.length).toBeLessThanOrEqual(2 * OPERATION_WINDOW)
  },
)

test('[O2] another content under a known id is refused, in either half of the window', () => {
  const window = windowOf(OPERATION_WINDOW + 10)

  for (const n of [5, OPERATION_WINDOW + 5]) {
    const reused = { ...operation(n), digest: 'another' }
    expect(() => window.find(reused)).toThrow(expect.objectContaining({ code: 'OPERATION_REUSED' }))
  }
})

test('[O3] what was not written is forgotten, what was acknowledged stays', () => {
  const window = windowOf(OPERATION_WINDOW - 1)
  window.keep(operation(9_000), pending)
  window.keep(operation(9_001), pending)

  window.forget(operation(9_000))
  window.forget(operation(9_001))
  window.forget(operation(7))

  expect(window.find(operation(9_000))).toBeUndefined()
  expect(window.find(operation(9_001))).toBeUndefined()
  expect(window.find(operation(7))).toEqual({ revision: 7 })
})

test('[O1] operations read back go behind those that were kept meanwhile', () => {
  const window = new OperationWindow()
  window.keep(operation(3), pending)
  const read = [1, 2, 3].map((n) => ({ operation: operation(n), revision: n }) as unknown as Change)

  window.restore(read)

  expect(window.complete).toBe(true)
  expect(window.find(operation(1))).toEqual({ revision: 1 })
  expect(window.find(operation(3))).toEqual({ pending })
})
