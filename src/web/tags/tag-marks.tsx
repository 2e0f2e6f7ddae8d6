/** What is special about a tag, each with a sign and a word. There is a row of it in long tables: nothing here but elements. */
import { BlockedIcon, GitBranchIcon, type Icon, LockIcon, MirrorIcon, PinIcon } from '@primer/octicons-react'
import type { Tag } from '../../api/tags.ts'
import { useSpeech } from '../text/language.tsx'

const MARKS = {
  mirrored: MirrorIcon,
  pinned: PinIcon,
  diverged: GitBranchIcon,
  excluded: BlockedIcon,
  immutable: LockIcon,
} as const satisfies Record<string, Icon>

const ORDER = ['pinned', 'diverged', 'excluded', 'mirrored', 'immutable'] as const

export function TagMarks({ tag }: { readonly tag: Tag }) {
  const { text } = useSpeech()
  const isLeft = tag.pinned || tag.diverged || tag.excluded
  return (
    <>
      {ORDER.filter((one) => tag[one] && !(one === 'mirrored' && isLeft)).map((one) => {
        const Sign = MARKS[one]
        return (
          <span key={one} className={one === 'diverged' ? 'mark held' : 'mark'} title={text.tags.markHelp[one]}>
            <Sign size={12} aria-hidden="true" /> {text.tags.marks[one]}
          </span>
        )
      })}
    </>
  )
}
