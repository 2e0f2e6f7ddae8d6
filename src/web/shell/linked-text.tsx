/** Words of people, with their line breaks; addresses of the web in them can be followed. Nothing of them is markup. */
import { Anchor, Text } from '@mantine/core'

/** What ends a sentence belongs to none. */
const ADDRESS = /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]]/g

export function LinkedText({ children }: { readonly children: string }) {
  const parts: { readonly text: string; readonly at: number; readonly isAddress: boolean }[] = []
  let end = 0
  for (const { 0: address, index } of children.matchAll(ADDRESS)) {
    parts.push({ text: children.slice(end, index), at: end, isAddress: false })
    parts.push({ text: address, at: index, isAddress: true })
    end = index + address.length
  }
  parts.push({ text: children.slice(end), at: end, isAddress: false })
  return (
    <Text style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {parts.map(({ text, at, isAddress }) =>
        isAddress ? (
          <Anchor key={at} href={text} rel="noreferrer noopener nofollow" target="_blank">
            {text}
          </Anchor>
        ) : (
          text
        ),
      )}
    </Text>
  )
}
