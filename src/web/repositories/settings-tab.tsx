/** What can be set; now who may pull it. What a change does to the mirror is asked of the server before it is made. */
import { Button, List, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { repositoryPath } from '../api/paths.ts'
import { ApiError, request } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function SettingsTab({ repository }: { readonly repository: RepositoryDetail }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const isPublic = repository.visibility === 'public'
  return (
    <Section
      title={text.settings.visibility}
      lead={text.repositories[repository.visibility]}
      action={
        <Button variant="default" onClick={dialog.open}>
          {isPublic ? text.settings.makePrivate : text.settings.makePublic}
        </Button>
      }
    >
      {isOpen ? <VisibilityDialog repository={repository} onClose={dialog.close} /> : null}
    </Section>
  )
}

function VisibilityDialog({
  repository,
  onClose,
}: {
  readonly repository: RepositoryDetail
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const visibility = repository.visibility === 'public' ? 'private' : 'public'
  const send = (dryRun: boolean) =>
    request<{ effects: readonly string[] }>('PATCH', `/repositories/${repositoryPath(repository.name)}`, {
      body: { visibility, dryRun },
    })
  const effects = useQuery({
    queryKey: ['effects', repository.name, visibility],
    queryFn: async () => (await send(true)).effects,
    retry: false,
    gcTime: 0,
  })
  const tell = useTell()
  const change = useChange(
    () => send(false),
    () => tell(text.settings.changed),
  )
  const mayNot = effects.error instanceof ApiError && effects.error.status === 403
  const [title, lead, action] =
    visibility === 'public'
      ? [text.settings.publicTitle(repository.name), text.settings.publicLead, text.settings.makePublic]
      : [text.settings.privateTitle(repository.name), text.settings.privateLead, text.settings.makePrivate]
  return (
    <Confirm
      title={title}
      action={action}
      color={visibility === 'public' ? 'red' : 'teal'}
      change={change}
      isDisabled={!effects.isSuccess}
      onClose={onClose}
    >
      <Text>{lead}</Text>
      {(effects.data ?? []).length === 0 ? null : (
        <List>
          {effects.data?.map((effect) => (
            <List.Item key={effect}>{effect}</List.Item>
          ))}
        </List>
      )}
      {mayNot ? <Text>{text.settings.mayNot}</Text> : effects.isError ? <Failure error={effects.error} /> : null}
    </Confirm>
  )
}
