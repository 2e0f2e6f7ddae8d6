/** Deletes a repository: its name is typed, and what is lost is told. */
import { List, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { repositoryPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { bytes, number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function DeleteDialog(o: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
  readonly onClose: () => void
}) {
  const { text, language } = useSpeech()
  const tell = useTell()
  const navigate = useNavigate()
  const { name, tags, sizeBytes } = o.repository
  const { organization } = repositoryPlace(name)
  const remove = useChange(
    () => request('DELETE', `/repositories/${repositoryPath(name)}`, { query: { confirm: name } }),
    () => {
      tell(text.settings.deleted(name))
      void navigate({ to: '/o/$organization/repositories', params: { organization } })
    },
  )
  return (
    <Confirm
      title={text.settings.removeTitle(name)}
      action={text.settings.removeAction}
      name={name}
      change={remove}
      onClose={o.onClose}
    >
      <Stack gap="xs">
        <Text>{text.settings.deleteLead}</Text>
        <List size="sm">
          <List.Item>{text.settings.lost(number(tags, language), bytes(sizeBytes, language))}</List.Item>
          <List.Item>{text.settings.lostToo}</List.Item>
          {o.mirror === undefined || o.mirror.state === 'stopped' ? null : (
            <List.Item>
              {text.settings.lostMirror(`${o.mirror.source.upstream}/${o.mirror.source.repository}`)}
            </List.Item>
          )}
        </List>
      </Stack>
    </Confirm>
  )
}
