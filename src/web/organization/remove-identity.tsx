import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useChange } from '../api/client.ts'
import { identityPath } from '../api/identities.ts'
import { request } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { useSpeech } from '../text/language.tsx'

export function RemoveIdentity(o: {
  readonly organization: string | null
  readonly name: string
  readonly lost: string
}) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const remove = useChange(() => request('DELETE', identityPath(o.organization, o.name)))
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open} aria-label={`${text.identity.remove}: ${o.name}`}>
        {text.identity.remove}
      </Button>
      {isOpen ? (
        <Confirm
          title={text.identity.removeTitle(o.name)}
          action={text.identity.remove}
          name={o.name}
          change={remove}
          onClose={dialog.close}
        >
          {o.lost}
        </Confirm>
      ) : null}
    </>
  )
}
