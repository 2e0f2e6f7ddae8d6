/** What the server says: its own sentence alone, or below the words of the reader's language. */
import { Text } from '@mantine/core'
import { withShortDigests } from '../format/sizes.ts'
import { useSpeech } from '../text/language.tsx'

/** @param o.words the same in the reader's language; undefined: there is nothing but the server's sentence */
export function Said(o: { readonly words: string | undefined; readonly message?: string | null | undefined }) {
  const { said } = useSpeech()
  const style = { overflowWrap: 'anywhere' } as const
  if (said === undefined || o.words === undefined) {
    return (
      <Text size="sm" lang="en" style={style}>
        {o.message}
      </Text>
    )
  }
  return (
    <div>
      <Text size="sm" style={style}>
        {o.words}
      </Text>
      {o.message == null || o.message === '' ? null : <Original>{o.message}</Original>}
    </div>
  )
}

/** The server's own sentence, for who wants the exact facts. */
export function Original({ children }: { readonly children: string }) {
  const { said } = useSpeech()
  return (
    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
      {said?.original}: <q lang="en">{withShortDigests(children)}</q>
    </Text>
  )
}
