/** Tokens are exchanged once, and guessing is slow. */
import { expect, test } from 'vitest'
import { cookieHeader, cookieName, LOCKOUT_MS, Logins, MOST_WRONG } from '../../../src/inspector/logins.ts'
import { ManualClock } from '../../../src/testing/index.ts'

const withCookie = (cookie: string): Request =>
  new Request('http://127.0.0.1:7/api/info', { headers: { cookie } })

function loggedIn(logins: Logins): string {
  const outcome = logins.login(logins.newToken())
  if (typeof outcome === 'string') throw new Error(outcome)
  return outcome.cookie
}

test('[AU1] a token works once and gives a cookie that is another secret of 32 bytes', () => {
  const logins = new Logins(new ManualClock())
  const token = logins.newToken()

  const outcome = logins.login(token)

  expect(token).toMatch(/^[\w-]{43}$/)
  expect(outcome).toEqual({ cookie: expect.stringMatching(/^[\w-]{43}$/) as string })
  expect((outcome as { cookie: string }).cookie).not.toBe(token)
  expect(logins.login(token)).toBe('wrong')
})

test('[AU3] 100,000 guesses: 20 are looked at in a minute, and the right token waits with them', () => {
  const clock = new ManualClock()
  const logins = new Logins(clock)
  const token = logins.newToken()
  const outcomes = { wrong: 0, locked: 0 }

  for (let guess = 0; guess < 100_000; guess += 1)
    outcomes[logins.login(`guess ${guess}`) as 'wrong' | 'locked'] += 1

  expect(outcomes).toEqual({ wrong: MOST_WRONG, locked: 100_000 - MOST_WRONG })
  expect(logins.login(token)).toBe('locked')
  clock.advance(LOCKOUT_MS)
  expect(logins.login(token)).toHaveProperty('cookie')
})

test('[AU4] a cookie is known by its value, under the name of its port, once', () => {
  const logins = new Logins(new ManualClock())
  const value = loggedIn(logins)

  expect(logins.knows(withCookie(`a=b; ${cookieName('7')}=${value}`), '7')).toBe(true)
  expect(logins.knows(withCookie(`${cookieName('8')}=${value}`), '7')).toBe(false)
  expect(logins.knows(withCookie(`${cookieName('7')}=${value}x`), '7')).toBe(false)
  expect(logins.knows(withCookie(`${cookieName('7')}=${value}; ${cookieName('7')}=${value}`), '7')).toBe(
    false,
  )
  expect(logins.knows(new Request('http://127.0.0.1:7/'), '7')).toBe(false)
  expect(new Logins(new ManualClock()).knows(withCookie(`${cookieName('7')}=${value}`), '7')).toBe(false)
  expect(cookieHeader('7', '/', 'v')).toBe(
    'sessionwright_7=v; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000',
  )
})

test('[AU1] old tokens and cookies are forgotten, so that their number is bounded', () => {
  const logins = new Logins(new ManualClock())
  const first = logins.newToken()
  const cookie = loggedIn(logins)

  for (let index = 0; index < 100; index += 1) loggedIn(logins)
  for (let index = 0; index < 100; index += 1) logins.newToken()

  expect(logins.login(first)).toBe('wrong')
  expect(logins.knows(withCookie(`${cookieName('7')}=${cookie}`), '7')).toBe(false)
})
