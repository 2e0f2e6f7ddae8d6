/** Makes a repository read-only, or lets it be written again. */
import { Text } from '@mantine/core'
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
import { Effects, effectsOf } from './effects.tsx'

export function ArchiveDialog(o: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const { name, archivedAt } = o.repository
  // What was asked for stays so while it is done, and what is shown below changes.
  const [archived] = useState(archivedAt === null)
  const [before] = useState(o.mirror)
  const effect = { cause: 'archived', holds: archived } as const
  const tell = useTell()
  const effects = useQuery({
    queryKey: ['effects', name, 'archived', archived],
    retry: false,
    queryFn: async () => (await changeRepository(name, { archived, dryRun: true })).effects,
  })
  const change = useChange(
    () => changeRepository(name, { archived }),
    (done) => tell([text.settings.changed, ...effectsOf(done.effects, before, effect, text)].join(' ')),
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
      <Effects told={effects.data} mirror={before} effect={effect} />
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
