/** Values that JSON can carry as they are: what fast-check calls JSON holds a -0 now and then, which comes back as 0. */
import fc from 'fast-check'
import type { Json } from '../../src/json.ts'

/** Any such value. */
export function anyPlainJson(constraints: fc.JsonSharedConstraints = {}): fc.Arbitrary<Json> {
  return fc.jsonValue(constraints).map((value) => JSON.parse(JSON.stringify(value)) as Json)
}
