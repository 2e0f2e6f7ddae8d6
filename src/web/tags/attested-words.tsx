/** What hangs on an image, a word each; what has no name is told only where nothing else is. There is a row of it in long tables: nothing here but elements. */
import type { Tag } from '../../api/tags.ts'
import { useSpeech } from '../text/language.tsx'

export function AttestedWords({ kinds }: { readonly kinds: Tag['attested'] }) {
  const { text } = useSpeech()
  return (
    <span className="attested">
      {(kinds.length > 1 ? kinds.filter((kind) => kind !== 'other') : kinds).map((kind) => (
        <span key={kind} title={text.tags.kindHelp[kind]}>
          {text.tags.kinds[kind]}
        </span>
      ))}
    </span>
  )
}
