/** What can be set; now who may pull it. What a change does to the mirror is asked of the server before it is made. */
import { Button, Card, Group, List, Modal, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { repositoryPath, useChange } from '../api/queries.ts'
import { ApiError, request } from '../api/request.ts'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function SettingsTab({ repository }: { readonly repository: RepositoryDetail }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const isPublic = repository.visibility === 'public'
  return (
    <Card withBorder>
      <Group justify="space-between">
        <div>
          <Title order={2} size="h5">
            {text.settings.visibility}
          </Title>
          <Text c="dimmed">{text.repositories[repository.visibility]}</Text>
        </div>
        <Button variant="default" onClick={dialog.open}>
          {isPublic ? text.settings.makePrivate : text.settings.makePublic}
        </Button>
      </Group>
      {isOpen ? <VisibilityDialog repository={repository} onClose={dialog.close} /> : null}
    </Card>
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
  const change = useChange(() => send(false))
  const mayNot = effects.error instanceof ApiError && effects.error.status === 403
  const submit = () =>
    change.mutate(undefined, {
      onSuccess: () => {
        notifications.show({ closeButtonProps: { 'aria-label': text.common.close }, message: text.settings.changed })
        onClose()
      },
    })
  const [title, lead] =
    visibility === 'public'
      ? [text.settings.publicTitle(repository.name), text.settings.publicLead]
      : [text.settings.privateTitle(repository.name), text.settings.privateLead]
  return (
    <Modal closeButtonProps={{ 'aria-label': text.common.close }} opened onClose={onClose} title={title}>
      <Stack>
        <Text>{lead}</Text>
        {(effects.data ?? []).length === 0 ? null : (
          <List>
            {effects.data?.map((effect) => (
              <List.Item key={effect}>{effect}</List.Item>
            ))}
          </List>
        )}
        {mayNot ? <Text>{text.settings.mayNot}</Text> : effects.isError ? <Failure error={effects.error} /> : null}
        {change.isError ? <Failure error={change.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {text.common.cancel}
          </Button>
          <Button onClick={submit} loading={change.isPending} disabled={!effects.isSuccess}>
            {visibility === 'public' ? text.settings.makePublic : text.settings.makePrivate}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
