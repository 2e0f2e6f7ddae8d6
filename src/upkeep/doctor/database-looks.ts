/** What the database says: of itself, and of what goes on. */
import type { DoctorFinding } from '../../api/doctor.ts'
import { countDamaged } from '../../db/content/damage.ts'
import type { Database } from '../../db/engine/engine.ts'
import { checkIntegrity, listLongTrouble, readDatabaseTime } from '../../db/mirrors/trouble.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Look } from './examine.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Tokens and leases bear some seconds. */
export const MAX_SKEW_MS = 30_000
const MOST = 50

export function databaseLooks({ db, clock }: { readonly db: Database; readonly clock: Clock }): Look[] {
  const where = `database (${db.engine})`
  return [
    {
      what: 'database',
      where,
      mend: 'restore the last backup into a new directory',
      run: async () =>
        (await checkIntegrity(db)).map(
          (what): DoctorFinding => ({
            level: 'fail',
            what,
            where,
            mend: 'stop the server, keep a copy, restore the last backup',
          }),
        ),
    },
    {
      what: 'clock and database',
      where,
      mend: 'look at the connection to the database',
      run: async () => skewed((await readDatabaseTime(db)) - clock.now().getTime(), where),
    },
    { what: 'stored content', where: 'storage', mend: 'kagami verify-storage', run: () => damaged(db) },
    {
      what: 'mirrors, webhooks and leases',
      where: 'instance',
      mend: 'kagami operator health',
      run: async () => trouble(db, clock),
    },
  ]
}

/** @param skewMs how far the other clock is ahead of ours */
export function skewed(skewMs: number, where: string): DoctorFinding[] {
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return []
  const what = `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours`
  return [{ level: 'warn', what, where, mend: 'let NTP set the clocks of both machines' }]
}

async function damaged(db: Database): Promise<DoctorFinding[]> {
  const counts = await countDamaged(db.read)
  return counts.map(({ kind, damage, count }) => ({
    level: 'fail',
    what: `${count} ${kind}s are ${damage}`,
    where: 'storage',
    mend: 'kagami verify-storage --repair',
  }))
}

async function trouble(db: Database, clock: Clock): Promise<DoctorFinding[]> {
  const before = isoTime(new Date(clock.now().getTime() - DAY_MS))
  const { mirrors, webhooks, leases } = await listLongTrouble(db.read, before, MOST)
  return [
    ...mirrors.map(
      ({ repository, why }): DoctorFinding => ({
        level: 'warn',
        what: `for more than a day: ${why}`,
        where: `mirror ${repository}`,
        mend: `kagami mirror explain ${repository}; then kagami mirror sync ${repository}`,
      }),
    ),
    ...webhooks.map(
      ({ name, organization, why }): DoctorFinding => ({
        level: 'warn',
        what: why,
        where: `webhook ${organization}/${name}`,
        mend: 'look at its deliveries (kagami webhook deliveries), then enable it again',
      }),
    ),
    ...leases.map(
      (key): DoctorFinding => ({
        level: 'warn',
        what: 'held past its time: its server is gone or asleep',
        where: `lease ${key}`,
        mend: 'nothing, if another server takes it over; otherwise restart the server',
      }),
    ),
  ]
}
