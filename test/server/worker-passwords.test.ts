import { expect, test } from 'bun:test'
import type { PasswordAnswer } from '../../src/access/password-check.ts'
import { AppError } from '../../src/errors.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { checkedBy } from '../../src/server/workers/checked.ts'
import { type ToMain, toMainSchema, toWorkerSchema } from '../../src/server/workers/messages.ts'
import { createWorkerPasswords } from '../../src/server/workers/worker-passwords.ts'

const tried = { login: 'ann', password: 'a long "password" \u{1f511}', network: '192.0.2.1' }

/** Both ends of the pipe, which carries text. */
async function across(answer: () => Promise<PasswordAnswer>): Promise<PasswordAnswer> {
  const questions: string[] = []
  const passwords = createWorkerPasswords((message) => questions.push(JSON.stringify(message)))
  const answered = passwords.check(tried)
  const asked = toMainSchema.parse(JSON.parse(questions[0] ?? ''))
  if (asked.is !== 'password') throw new Error('want a question')
  const { id, login, password, network } = asked
  expect({ login, password, network }).toEqual(tried)
  const checked = await checkedBy(answer, tried, createLogger('silent'))
  const sent = toWorkerSchema.parse(JSON.parse(JSON.stringify({ is: 'checked', id, checked })))
  if (sent.is !== 'checked') throw new Error('want an answer')
  passwords.checked(sent.id, sent.checked)
  return answered
}

test('what a check gave arrives as it is: who it is, nobody, and a refusal with all that it says', async () => {
  const user = { id: 'u1', username: 'ann', isOperator: true }
  expect(await across(async () => ({ userId: 'u1', user }))).toEqual({ userId: 'u1', user })
  expect(await across(async () => ({ userId: 'u1' }))).toEqual({ userId: 'u1', user: undefined })
  expect(await across(async () => ({}))).toEqual({ userId: undefined, user: undefined })
  const detail = { retryAfterSeconds: 17 }
  const about = { reason: 'wrong', what: 'login' } as const
  const refused = new AppError('TOOMANYREQUESTS', 'try again in 17 s', { detail, about })
  const { userId, refused: got } = await across(async () => ({ userId: 'u1', refused }))
  expect([userId, got?.code, got?.message, got?.detail, got?.about]).toEqual([
    'u1',
    'TOOMANYREQUESTS',
    'try again in 17 s',
    detail,
    about,
  ])
  const broken = across(async () => {
    throw new Error('the disk is gone')
  })
  await expect(broken).rejects.toThrow('could not check')
})

test('so many wait at once and no more, and whoever was answered makes room', async () => {
  const questions: ToMain[] = []
  const passwords = createWorkerPasswords((message) => questions.push(message))
  const waiting = Array.from({ length: 1024 }, () => passwords.check(tried))
  const error = await passwords.check(tried).catch((thrown) => thrown)
  expect([error.code, error.detail]).toEqual(['TOOMANYREQUESTS', { retryAfterSeconds: 1 }])
  expect(questions).toHaveLength(1024)
  const answerAll = () => {
    for (const one of questions.splice(0)) if (one.is === 'password') passwords.checked(one.id, { is: 'answered' })
  }
  answerAll()
  await Promise.all(waiting)
  const next = passwords.check(tried)
  answerAll()
  expect(await next).toEqual({ userId: undefined, user: undefined })
})
