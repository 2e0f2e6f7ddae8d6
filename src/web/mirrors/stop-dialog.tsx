/** Ends a mirror; the images stay, unless they are to go as well. */
import { Checkbox, Stack, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useChange } from '../api/client.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { Confirm } from '../shell/dialog.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function StopDialog(o: { readonly name: string; readonly mayDelete: boolean; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const navigate = useNavigate()
  const [isWhole, setIsWhole] = useState(false)
  const { organization } = repositoryPlace(o.name)
  const stop = useChange(
    () => actOnMirror(o.name, 'stop', isWhole ? { delete: true, confirm: o.name } : {}),
    () => {
      tell(isWhole ? text.settings.deleted(o.name) : text.mirrors.stopped)
      if (isWhole) void navigate({ to: '/o/$organization/repositories', params: { organization } })
    },
  )
  return (
    <Confirm
      title={text.mirrors.stopTitle(o.name)}
      action={isWhole ? text.mirrors.stopAndDelete : text.mirrors.stop}
      name={o.name}
      change={stop}
      onClose={o.onClose}
    >
      <Stack gap="sm">
        <Text>{isWhole ? text.settings.deleteLead : text.mirrors.stopLead}</Text>
        {o.mayDelete ? (
          <Checkbox
            label={text.mirrors.deleteToo}
            checked={isWhole}
            onChange={(event) => setIsWhole(event.currentTarget.checked)}
          />
        ) : null}
      </Stack>
    </Confirm>
  )
}
