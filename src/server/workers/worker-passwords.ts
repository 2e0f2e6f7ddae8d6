/** Passwords that come to a worker: the main process counts guesses, takes turns with hashes, and is asked. */
import type { PasswordAnswer, PasswordCheck } from '../../access/password-check.ts'
import { AppError } from '../../errors.ts'
import { type Checked, passwordAnswerOf } from './checked.ts'
import type { ToMain } from './messages.ts'

/** Requests of one worker that wait for an answer at once. The main process refuses much earlier where hashes are to be made. */
const MOST_WAITING = 1024

export interface WorkerPasswords {
  readonly check: PasswordCheck
  /** What the main process has answered: it does so once for each question, whether or not the client still waits. */
  checked(id: number, checked: Checked): void
}

export function createWorkerPasswords(send: (message: ToMain) => void): WorkerPasswords {
  const waiting = new Map<number, (checked: Checked) => void>()
  let last = 0
  return {
    async check({ login, password, network }): Promise<PasswordAnswer> {
      if (waiting.size >= MOST_WAITING) {
        const detail = { retryAfterSeconds: 1 }
        throw new AppError('TOOMANYREQUESTS', 'too many logins are being checked already: try again', { detail })
      }
      const id = ++last
      const { promise, resolve } = Promise.withResolvers<Checked>()
      waiting.set(id, resolve)
      send({ is: 'password', id, login, password, network })
      return passwordAnswerOf(await promise)
    },
    checked(id, checked) {
      waiting.get(id)?.(checked)
      waiting.delete(id)
    },
  }
}
