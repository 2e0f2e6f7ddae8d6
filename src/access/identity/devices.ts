/**
 * Device authorization (RFC 8628): a command line shows a code, somebody who is signed in lets it in, and it gets a personal access
 * token. Codes live for minutes, serve once, and are kept as hashes; who guesses codes is stopped as who guesses passwords.
 */
import { createHmac, randomInt } from 'node:crypto'
import type { Database } from '../../db/engine/engine.ts'
import {
  decideDevice,
  findDeviceByCode,
  findWaitingDevice,
  insertDevice,
  isStillGood,
  notePoll,
  removeDevice,
} from '../../db/people/device-authorizations.ts'
import { addFailedLogin, readFailedLogins } from '../../db/people/failed-logins.ts'
import { findUserById, isDisabled } from '../../db/people/users.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import type { DeviceAuthorizationRow, TokenRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { newId, randomBase62 } from '../../lib/ids.ts'
import { printableLine } from '../../lib/printable.ts'
import { clipped } from '../../lib/quoted.ts'
import { actingAs } from '../../lib/request-context.ts'
import type { Sealer } from '../../lib/seal.ts'
import { createSecret, type Secret } from '../../lib/secret.ts'
import { networkOf } from '../login-limit.ts'
import { hashToken, makeTokenText } from '../token-text.ts'
import { insertToldToken, parseTokenExpiry } from '../tokens.ts'

export interface BegunDevice {
  readonly deviceCode: string
  /** As people type it: two groups of four consonants, which spell nothing. */
  readonly userCode: string
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

/** What whoever lets it in is shown. */
export interface WaitingDevice {
  readonly name: string
  readonly address: string
  readonly createdAt: string
  readonly expiresAt: string
}

/** RFC 8628, section 3.5. */
export type PollRefusal = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token'

export type Polled =
  | { readonly kind: 'refused'; readonly error: PollRefusal }
  | { readonly kind: 'token'; readonly row: TokenRow; readonly username: string; readonly text: Secret }

/** Who decides about a device. */
export interface Approver {
  readonly userId: string
  readonly token?: { readonly id: string } | undefined
  readonly session?: { readonly id: string } | undefined
}

export interface Devices {
  /** @throws AppError TOOMANYREQUESTS */
  begin(o: { readonly name: string; readonly address: string | undefined }): Promise<BegunDevice>
  /** Tells the code's one use from the others in one transaction. */
  poll(deviceCode: string): Promise<Polled>
  /** @throws AppError NOT_FOUND, TOOMANYREQUESTS after too many wrong codes */
  show(userCode: string, by: Approver): Promise<WaitingDevice>
  /** @throws as `show` */
  decide(userCode: string, by: Approver, status: 'approved' | 'denied'): Promise<WaitingDevice>
}

const LIFE_SECONDS = 600
const INTERVAL_SECONDS = 5
const MAX_INTERVAL_SECONDS = 60
const MOST = { ofNetwork: 20, inAll: 10_000 }
/** RFC 8628, section 6.1: about 34 bits, behind a limit on guesses. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const USER_CODE_LENGTH = 8
const DEVICE_CODE_LENGTH = 43
const MAX_NAME_LENGTH = 100
/** Wrong codes of one user; a right one does not make them forgotten. */
const MAX_GUESSES = 10
const GUESS_WINDOW_MS = 5 * 60 * 1000
const TOKEN_LIFE = '90d'

export function createDevices(deps: {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
}): Devices {
  const { db, clock, sealer } = deps
  const key = sealer.derive('device codes')
  const hash = (text: string) => createHmac('sha256', key.reveal()).update(text).digest('hex')

  /** Looks, and counts what is not there, in one transaction: guesses at once are as many as one after the other. */
  async function find(userCode: string, { userId }: Approver): Promise<DeviceAuthorizationRow> {
    const plain = userCode.toUpperCase().replace(/[^A-Z]/g, '')
    const now = clock.now()
    const at = isoTime(now)
    const key = { account: `device ${userId}`, network: 'any' }
    const endsAt = isoTime(new Date(now.getTime() + GUESS_WINDOW_MS))
    const { found, past } = await db.write(async (tx) => {
      const past = await readFailedLogins(tx, key, at)
      if (past.failures >= MAX_GUESSES) return { past, found: undefined }
      const found = await findWaitingDevice(tx, hash(plain), at)
      if (found === undefined) await addFailedLogin(tx, key, { guess: hash(plain), at, endsAt })
      return { past, found }
    })
    if (found !== undefined) return found
    if (past.failures < MAX_GUESSES) {
      throw new AppError('NOT_FOUND', 'no device waits for this code: it is mistyped, over, or was used already', {
        about: { reason: 'expired', what: 'device' },
      })
    }
    const retryAfterSeconds = Math.ceil((Date.parse(past.endsAt ?? endsAt) - now.getTime()) / 1000)
    throw new AppError('TOOMANYREQUESTS', `too many wrong codes: try again in ${retryAfterSeconds} s`, {
      detail: { retryAfterSeconds },
    })
  }

  return {
    async begin({ name, address }) {
      const now = clock.now()
      const deviceCode = randomBase62(DEVICE_CODE_LENGTH)
      const letters = Array.from({ length: USER_CODE_LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('')
      const row: DeviceAuthorizationRow = {
        device_hash: hash(deviceCode),
        user_hash: hash(letters),
        name: printableLine(clipped(name, MAX_NAME_LENGTH)),
        address: address ?? 'unknown',
        network: networkOf(address),
        status: 'pending',
        user_id: null,
        credential: null,
        interval_seconds: INTERVAL_SECONDS,
        polled_at: null,
        created_at: isoTime(now),
        ends_at: isoTime(new Date(now.getTime() + LIFE_SECONDS * 1000)),
      }
      await db.write((tx) => insertDevice(tx, row, { most: MOST }))
      return {
        deviceCode,
        userCode: `${letters.slice(0, 4)}-${letters.slice(4)}`,
        expiresInSeconds: LIFE_SECONDS,
        intervalSeconds: INTERVAL_SECONDS,
      }
    },

    async poll(deviceCode) {
      const deviceHash = hash(deviceCode)
      const now = clock.now()
      const at = isoTime(now)
      const refuse = (error: PollRefusal): Polled => ({ kind: 'refused', error })
      // Whoever has no code does not make others wait for the writer.
      if ((await findDeviceByCode(db.read, deviceHash)) === undefined) return refuse('expired_token')
      return db.write(async (tx): Promise<Polled> => {
        const device = await findDeviceByCode(tx, deviceHash)
        if (device === undefined || device.ends_at <= at) return refuse('expired_token')
        const { interval_seconds: interval, polled_at: before } = device
        if (before !== null && now.getTime() - Date.parse(before) < interval * 1000) {
          const intervalSeconds = Math.min(MAX_INTERVAL_SECONDS, interval + INTERVAL_SECONDS)
          await notePoll(tx, deviceHash, { at, intervalSeconds })
          return refuse('slow_down')
        }
        if (device.status === 'pending') {
          await notePoll(tx, deviceHash, { at, intervalSeconds: interval })
          return refuse('authorization_pending')
        }
        await removeDevice(tx, deviceHash)
        const user = device.user_id === null ? undefined : await findUserById(tx, device.user_id)
        const isThere = user !== undefined && !(await isDisabled(tx, user.id))
        const isGood = isThere && (await isStillGood(tx, device.credential ?? 'password', at))
        if (device.status === 'denied' || !isGood) return refuse('access_denied')
        const text = makeTokenText('kgm_pat_')
        const row: TokenRow = {
          id: newId(),
          user_id: user.id,
          label: device.name,
          scope: 'admin',
          hash: hashToken(text),
          created_at: at,
          expires_at: parseTokenExpiry(TOKEN_LIFE, now),
          last_used_at: null,
        }
        await actingAs(`user:${user.username}`, () => insertToldToken(tx, row))
        return { kind: 'token', row, username: user.username, text: createSecret(text) }
      })
    },

    show: async (userCode, by) => waitingOf(await find(userCode, by)),

    async decide(userCode, by, status) {
      const { device_hash: deviceHash, user_hash: userHash } = await find(userCode, by)
      const at = isoTime(clock.now())
      const decided = await db.write(async (tx) => {
        const device = await findWaitingDevice(tx, userHash, at)
        if (device === undefined) return undefined
        await decideDevice(tx, deviceHash, { status, userId: by.userId, credential: credentialOf(by) })
        const action = status === 'approved' ? 'device.approve' : 'device.deny'
        const change = { organizationId: null, action, object: `device:${device.name}` }
        await recordAudit(tx, { ...change, before: null, after: { name: device.name, address: device.address } })
        return device
      })
      if (decided !== undefined) return waitingOf(decided)
      throw new AppError('NOT_FOUND', 'no device waits for this code any more', {
        about: { reason: 'expired', what: 'device' },
      })
    },
  }
}

/** As the row keeps it: what ends before the device has come for its token ends that too. */
function credentialOf({ token, session }: Approver): string {
  if (token !== undefined) return `token:${token.id}`
  return session === undefined ? 'password' : `session:${session.id}`
}

function waitingOf({ name, address, created_at, ends_at }: DeviceAuthorizationRow): WaitingDevice {
  return { name, address, createdAt: created_at, expiresAt: ends_at }
}
