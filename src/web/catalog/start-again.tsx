/** Puts a stopped mirror of the same source to work again, into the repository that it has. */
import { Alert, Button, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useChange } from '../api/client.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { Failure } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function StartAgain({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const tell = useTell()
  const navigate = useNavigate()
  const restart = useChange(
    () => actOnMirror(name, 'restart'),
    () => {
      tell(text.mirrors.restarted)
      void navigate({
        to: '/o/$organization/repository/$',
        params: repositoryPlace(name),
        search: { tab: 'mirror' },
      })
    },
  )
  return (
    <Alert color="blue" variant="light" title={text.start.stopped(name)}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{text.mirrors.restartLead}</Text>
        <Button size="xs" loading={restart.isPending} onClick={() => restart.mutate(undefined)}>
          {text.start.again(name)}
        </Button>
        {restart.isError ? <Failure error={restart.error} /> : null}
      </Stack>
    </Alert>
  )
}
