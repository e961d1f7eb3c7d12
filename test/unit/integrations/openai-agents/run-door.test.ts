import { expect, test } from 'vitest'
import { RunDoors } from '../../../../src/integrations/openai-agents/run-door.ts'

const message = { role: 'assistant', content: [] }
const call = { type: 'function_call', callId: 'c' }

test('[RD1] [RD2] a fresh run stands at a new turn, one that goes on at a model call', () => {
  const doors = new RunDoors()

  expect(doors.doorOf({ usage: { requests: 0 } }, [call])).toBe('turn')
  expect(doors.doorOf({ usage: { requests: 1 } }, [message])).toBe('turn')
  expect(doors.doorOf({ usage: { requests: 1 } }, [])).toBe('turn')
  expect(doors.doorOf({ usage: { requests: 1 } }, [message, call])).toBe('modelCall')
})

test('[RD3] what a run reads in the middle is no door; once it has written, its context may be another run', () => {
  const doors = new RunDoors()
  const run = { usage: { requests: 0 } }

  doors.pass(run)
  const before = doors.doorOf(run, [])
  doors.wrote(run)
  run.usage.requests = 1
  const middle = doors.doorOf(run, [message])
  doors.wrote(run)
  const after = doors.doorOf(run, [message])

  expect([before, middle, after]).toEqual(['turn', undefined, 'turn'])
})
