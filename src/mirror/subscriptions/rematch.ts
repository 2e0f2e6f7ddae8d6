/** The entries that a subscription has, held against what it takes now. */
import type { Transaction } from '../../db/engine/engine.ts'
import { listEntryFacts, removeEntries, updateEntries } from '../../db/mirrors/subscription-entries.ts'
import { type Selection, selectorOf } from './selection.ts'

/** @returns how many entries with a mirror are matched no more */
export async function rematch(tx: Transaction, id: string, selection: Selection, at: string): Promise<number> {
  const isSelected = selectorOf(selection)
  const named = selection.repositories === null ? undefined : new Set(selection.repositories)
  const known = await listEntryFacts(tx, id)
  const takes = (name: string) => isSelected(name) && (named === undefined || named.has(name))
  const out = known.filter((entry) => entry.matched === 1 && !takes(entry.repository))
  const back = known.filter((entry) => entry.matched === 0 && takes(entry.repository))
  const names = (entries: typeof known) => entries.map(({ repository }) => repository)
  const made = out.filter((entry) => entry.made === 1)
  await removeEntries(tx, id, names(out.filter((entry) => entry.made === 0)))
  await updateEntries(tx, id, names(made), { matched: 0, due: 0, since: at })
  await updateEntries(tx, id, names(back), { matched: 1, due: 1, since: at })
  return made.length
}
