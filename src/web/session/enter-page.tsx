/** Opens the page signed in, by the link that the server has printed; its secret stands behind the `#`. */
import { Anchor, Loader, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { enterByLink } from '../api/profile.ts'
import { ApiError } from '../api/request.ts'
import { Command, Failure } from '../shell/parts.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'

export function EnterPage() {
  const { text } = useSpeech()
  const [secret] = useState(() => location.hash.slice(1))
  const entered = useQuery({
    queryKey: ['enter', secret],
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => enterByLink(secret),
  })
  useEffect(() => {
    // Anew, and in place of this address: nothing of whoever was signed in before is left, nor the secret in the way back.
    if (entered.isSuccess) location.replace('/')
  }, [entered.isSuccess])
  if (!entered.isError) {
    return (
      <Sheet title={text.enter.opening}>
        <Loader aria-label={text.enter.opening} />
      </Sheet>
    )
  }
  const isOver = entered.error instanceof ApiError && [400, 404].includes(entered.error.status)
  return (
    <Sheet title={text.enter.broken} lead={isOver ? text.enter.help : undefined}>
      <Stack>
        {isOver ? <Command line="kagami user link" /> : <Failure error={entered.error} />}
        <Anchor href="/">{text.enter.toSignIn}</Anchor>
      </Stack>
    </Sheet>
  )
}
