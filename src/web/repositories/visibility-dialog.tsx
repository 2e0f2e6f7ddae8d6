/** Makes a repository public or private; what that does to its mirror is asked of the server before, and told after. */
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

export function VisibilityDialog({
  repository,
  mirror,
  onClose,
}: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  // What was asked for stays so while it is done, and what is shown below changes.
  const [visibility] = useState<'private' | 'public'>(repository.visibility === 'public' ? 'private' : 'public')
  const [before] = useState(mirror)
  const effect = { cause: 'public', holds: visibility === 'public' } as const
  const tell = useTell()
  const effects = useQuery({
    queryKey: ['effects', repository.name, visibility],
    retry: false,
    queryFn: async () => (await changeRepository(repository.name, { visibility, dryRun: true })).effects,
  })
  const change = useChange(
    () => changeRepository(repository.name, { visibility }),
    (done) => tell([text.settings.changed, ...effectsOf(done.effects, before, effect, text)].join(' ')),
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
      {...(visibility === 'public' ? { name: repository.name } : {})}
      change={change}
      isDisabled={!effects.isSuccess}
      onClose={onClose}
    >
      <Text>{lead}</Text>
      <Effects told={effects.data} mirror={before} effect={effect} />
      {mayNot ? (
        <MayNot>
          {mirror === undefined || mirror.state === 'stopped'
            ? text.settings.mayNot
            : text.settings.mayNotPause(mirror.organization)}
        </MayNot>
      ) : effects.isError ? (
        <Failure error={effects.error} />
      ) : null}
    </Confirm>
  )
}
