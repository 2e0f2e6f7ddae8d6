/** The next page of a list that goes on. */
import { Button, Center } from '@mantine/core'
import { useSpeech } from '../text/language.tsx'

export function More({
  query,
}: {
  readonly query: { readonly hasNextPage: boolean; readonly isFetchingNextPage: boolean; fetchNextPage(): unknown }
}) {
  const { text } = useSpeech()
  if (!query.hasNextPage) return null
  return (
    <Center>
      <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
        {text.common.more}
      </Button>
    </Center>
  )
}
