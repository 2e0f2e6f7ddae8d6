/** Walks what hangs on manifests: their referrers, recursively. */
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Origin } from './known.ts'
import { type Problem, problemOf, settleAll } from './problem.ts'
import type { WalkOptions } from './readers.ts'
import type { SubjectLists } from './subject-lists.ts'
import type { Node, Unchosen } from './walked.ts'

interface Listed {
  readonly descriptor: Descriptor
  readonly origin: Origin
}

/** How a manifest was come upon. */
export interface Place {
  readonly origin: Origin
  readonly isAttached: boolean
  readonly depth: number
}

/** What the walk of which it is a part has found so far, and how it goes on. */
export interface Found {
  readonly nodes: ReadonlyMap<Digest, Node>
  readonly problems: Map<Digest, Problem>
  readonly unchosen: Map<Digest, Unchosen>
  readonly without: Map<Digest, Problem>
  readonly list: SubjectLists['list']
  noteAbsent(digest: Digest, parent: Digest): void
  /** `isThere`: false when upstream does not have it. */
  visit(digest: Digest, place: Place): { readonly isNew: boolean; readonly isThere: Promise<boolean> }
}

/** @returns what walks the referrers of a manifest that was visited, and of everything below it */
export function createAttacher(
  o: WalkOptions,
  found: Found,
): (digest: Digest, isAttached: boolean, depth: number) => Promise<void> {
  const { known } = o

  /** Referrers of the manifest and of everything below it. */
  async function attach(digest: Digest, isAttached: boolean, depth: number): Promise<void> {
    const node = found.nodes.get(digest)
    if (node === undefined) return
    const below = node.children.map((child) => attach(child, isAttached, depth + 1))
    await settleAll([...below, listOf(node, isAttached, depth)])
  }

  async function listOf(node: Node, isAttached: boolean, depth: number): Promise<void> {
    const { digest } = node.descriptor
    const { isPublishedWithout } = o.policy
    const { items, problem } = await found.list(node.descriptor, isAttached)
    if (problem !== undefined) {
      if (!isPublishedWithout) {
        found.problems.set(digest, problem)
        return
      }
      found.without.set(digest, problem)
    }
    const allowed = items.filter(({ descriptor }) => !known.excluded.has(descriptor.digest))
    const wanted = isAttached ? allowed : await chooseReferrers(digest, allowed)
    await settleAll(
      wanted.map(async ({ descriptor, origin }) => {
        const { isNew, isThere } = found.visit(descriptor.digest, { origin, isAttached: true, depth: depth + 1 })
        // Size and type in a list are hints: it is no part of what is mirrored.
        if (!(await isThere)) found.noteAbsent(descriptor.digest, digest)
        else if (isNew) await attach(descriptor.digest, true, depth + 1)
      }),
    )
    // A list may lie; what a manifest refers to is what it says itself. One that could not be read holds its root.
    const own = wanted
      .map(({ descriptor }) => descriptor.digest)
      .filter((referrer) => {
        const node = found.nodes.get(referrer)
        const unread = found.problems.get(referrer)
        if (isPublishedWithout && node === undefined && unread?.isOfReferrers) {
          found.without.set(digest, unread)
          return false
        }
        return node === undefined ? found.problems.has(referrer) : node.subject === digest
      })
    node.referrers = [...new Set([...node.referrers, ...own])]
  }

  /** Those of the types that the selection takes. What hangs on something attached belongs to it, whatever its type. */
  async function chooseReferrers(subject: Digest, items: readonly Listed[]): Promise<readonly Listed[]> {
    if (o.selection?.referrers === undefined) return items
    const chosen: Listed[] = []
    await settleAll(
      items.map(async (item) => {
        const { descriptor, origin } = item
        try {
          const rule = await o.learner.refuseType(descriptor, origin)
          if (rule === undefined) chosen.push(item)
          else found.unchosen.set(descriptor.digest, { parent: subject, kind: 'referrer', rule })
        } catch (error) {
          // Nobody knows whether it is wanted: it holds its root, as one that cannot be read.
          found.problems.set(descriptor.digest, problemOf(error))
          chosen.push(item)
        }
      }),
    )
    return chosen
  }

  return attach
}
