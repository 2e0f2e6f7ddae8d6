/** Puts a stopped mirror to work again, or any mirror on another source. */
import { Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function RestartDialog({ mirror, onClose }: { readonly mirror: Mirror; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const upstreams = useUpstreams(mirror.organization)
  const [upstream, setUpstream] = useState(mirror.source.upstream)
  const [repository, setRepository] = useState(mirror.source.repository)
  const isStopped = mirror.state === 'stopped'
  const isSame = upstream === mirror.source.upstream && repository === mirror.source.repository
  const restart = useChange(
    () => actOnMirror(mirror.repository, 'restart', isSame ? {} : { upstream, repository }),
    () => {
      tell(text.mirrors.restarted)
      onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    restart.mutate(undefined)
  }
  return (
    <Dialog
      title={isStopped ? text.mirrors.restartTitle(mirror.repository) : text.mirrors.anotherTitle(mirror.repository)}
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{text.mirrors.restartLead}</Text>
          <Group grow align="flex-start">
            <Select
              label={text.catalog.upstream}
              data={(upstreams.data ?? [{ name: upstream }]).map(({ name }) => name)}
              value={upstream}
              onChange={(chosen) => chosen !== null && setUpstream(chosen)}
              allowDeselect={false}
            />
            <TextInput
              label={text.mirrors.sourceRepository}
              value={repository}
              onChange={(event) => setRepository(event.currentTarget.value)}
              required
              data-autofocus
            />
          </Group>
          {restart.isError ? <Failure error={restart.error} /> : null}
          <DialogButtons
            action={isStopped ? text.mirrors.restart : text.mirrors.another}
            isPending={restart.isPending}
            isDisabled={isSame && !isStopped}
            onCancel={onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}
