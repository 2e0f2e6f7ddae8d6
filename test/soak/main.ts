// `npm run soak -- --minutes N`: docs/soak.md says how to read it.
import { parseArgs } from 'node:util'
import { haveCollection } from '../support/upkeep.ts'
import { soak, TABLE_HEAD } from './soak.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) {
  console.error(`--minutes: want a number above 0, got ${values.minutes}`)
  process.exit(2)
}
console.log(TABLE_HEAD)
const { verdicts, done, errors, faults } = await soak({ minutes, tell: (line) => console.log(line) })
console.log(
  `\nDone: ${Object.entries(done)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ')}`,
)
console.log('\n| | rise in the last half | at most | |\n| --- | ---: | ---: | --- |')
for (const { what, rise, most, isFlat } of verdicts)
  console.log(`| ${what} | ${rise} | ${most} | ${isFlat ? 'flat' : 'RISES'} |`)
if (!haveCollection) console.log('\nThe store is not judged: this program has no `gc`.')
for (const text of [...errors.slice(0, 20), ...faults.slice(0, 20)]) console.log(`ERROR ${text}`)
const isGood = errors.length === 0 && faults.length === 0 && verdicts.every(({ isFlat }) => isFlat)
console.log(`\n${errors.length} errors, ${faults.length} faults of what is stored: ${isGood ? 'good' : 'NOT GOOD'}`)
process.exit(isGood ? 0 : 1)
