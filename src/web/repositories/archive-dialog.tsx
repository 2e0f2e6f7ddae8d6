/** Makes a repository read-only, or lets it be written again. */
import { List, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { changeRepository } from '../api/repositories.ts'
import { ApiError } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function ArchiveDialog(o: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const { name, archivedAt } = o.repository
  // What was asked for stays so while it is done, and what is shown below changes.
  const [archived] = useState(archivedAt === null)
  const tell = useTell()
  const effects = useQuery({
    queryKey: ['effects', name, 'archived', archived],
    retry: false,
    queryFn: async () => (await changeRepository(name, { archived, dryRun: true })).effects,
  })
  const change = useChange(
    () => changeRepository(name, { archived }),
    (done) => tell([text.settings.changed, ...done.effects].join(' ')),
  )
  const mayNot = effects.error instanceof ApiError && effects.error.status === 403
  return (
    <Confirm
      title={archived ? text.settings.archiveTitle(name) : text.settings.unarchiveTitle(name)}
      action={archived ? text.settings.makeArchived : text.settings.unarchive}
      color={archived ? 'red' : 'teal'}
      change={change}
      isDisabled={!effects.isSuccess}
      onClose={o.onClose}
    >
      <Text>{archived ? text.settings.archiveLead : text.settings.unarchiveLead}</Text>
      {(effects.data ?? []).length === 0 ? null : (
        <List>
          {effects.data?.map((effect) => (
            <List.Item key={effect}>{effect}</List.Item>
          ))}
        </List>
      )}
      {mayNot ? (
        <MayNot>
          {o.mirror === undefined ? text.settings.mayNot : text.settings.mayNotPause(o.mirror.organization)}
        </MayNot>
      ) : effects.isError ? (
        <Failure error={effects.error} />
      ) : null}
    </Confirm>
  )
}
