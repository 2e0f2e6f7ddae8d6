/** What hangs on an image, a word each. There is a row of it in long tables: nothing here but elements. */
import type { Tag } from '../../api/tags.ts'
import { useSpeech } from '../text/language.tsx'

export function AttestedWords({ kinds }: { readonly kinds: Tag['attested'] }) {
  const { text } = useSpeech()
  return (
    <span className="attested">
      {kinds.map((kind) => (
        <span key={kind} title={text.tags.kindHelp[kind]}>
          {text.tags.kinds[kind]}
        </span>
      ))}
    </span>
  )
}
