/** The secret address by which a registry tells of pushes. */
import { Button, Group, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Upstream } from '../../api/upstreams.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { upstreamPath } from '../api/upstreams.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Once } from '../shell/once.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

export function UpstreamHook({
  upstream,
  madeAt,
}: {
  readonly upstream: Upstream
  readonly madeAt: string | undefined
}) {
  const { text } = useSpeech()
  const path = upstreamPath(upstream.name, '/hook')
  const query = { organization: upstream.organization ?? undefined }
  const make = useChange(() =>
    request<{ url: string }>('POST', path, { query, body: { rotate: madeAt !== undefined } }),
  )
  const end = useChange(
    () => request('DELETE', path, { query }),
    () => make.reset(),
  )
  const [isReplacing, replacing] = useDisclosure()
  const [isEnding, ending] = useDisclosure()
  return (
    <Section
      title={text.upstreams.hook}
      lead={text.upstreams.hookLead}
      action={
        <Group gap="xs">
          <Button
            variant="default"
            loading={make.isPending}
            onClick={madeAt === undefined ? () => make.mutate(undefined) : replacing.open}
          >
            {madeAt === undefined ? text.upstreams.makeHook : text.upstreams.rotateHook}
          </Button>
          {madeAt === undefined ? null : (
            <Button variant="default" onClick={ending.open}>
              {text.upstreams.endHook}
            </Button>
          )}
        </Group>
      }
    >
      {make.isError ? <Failure error={make.error} /> : null}
      {make.data === undefined ? (
        <Text size="sm">
          {madeAt === undefined ? (
            text.upstreams.noHook
          ) : (
            <>
              {text.upstreams.hookMade} <Time at={madeAt} />
            </>
          )}
        </Text>
      ) : (
        <Once title={text.upstreams.hookOnce} lead={text.upstreams.hookOnceLead} secret={make.data.url} />
      )}
      {isReplacing ? (
        <Confirm
          title={text.upstreams.rotateTitle}
          action={text.upstreams.rotateHook}
          change={make}
          onClose={replacing.close}
        >
          {text.upstreams.rotateLead}
        </Confirm>
      ) : null}
      {isEnding ? (
        <Confirm title={text.upstreams.endTitle} action={text.upstreams.endHook} change={end} onClose={ending.close}>
          {text.upstreams.endLead}
        </Confirm>
      ) : null}
    </Section>
  )
}
