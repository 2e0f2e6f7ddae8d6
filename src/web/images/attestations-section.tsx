/** The tree of what hangs on an image: image → platforms → attestations → signatures; and one of it to read. */
import { Alert, Button, Card, Group, Stack, Text } from '@mantine/core'
import {
  ChevronDownIcon,
  ChevronRightIcon,
  FileIcon,
  PackageIcon,
  ShieldCheckIcon,
  ShieldSlashIcon,
  VerifiedIcon,
} from '@primer/octicons-react'
import { useState } from 'react'
import type { AttachedFacts } from '../../api/image-attestations.ts'
import { useAttached } from '../api/images.ts'
import { bytes } from '../format/sizes.ts'
import { Digest, Empty, Failure, Rows } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { AttestationView } from './attestation-view.tsx'
import type { Known } from './known.ts'
import { nameOfPredicate } from './predicate-names.ts'

type Children = ReadonlyMap<string, readonly AttachedFacts[]>

export function AttestationsSection({ place, image, search, show }: Known) {
  const { text } = useSpeech()
  const words = text.images
  const attached = useAttached(place)
  if (attached.isError) return <Failure error={attached.error} retry={() => void attached.refetch()} />
  if (attached.data === undefined) return <Rows />
  if (attached.data.attached.length === 0) return <Empty>{words.nothingAttached}</Empty>
  const children: Children = Map.groupBy(attached.data.attached, ({ parent }) => parent)
  const tree = { children, open: search.open, show: (open: string) => show({ open }) }
  const platforms = image.kind === 'index' ? image.platforms.filter(({ available }) => available) : []
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {words.signatureLead}
      </Text>
      {attached.data.isPartial ? <Alert color="orange">{words.partialTree}</Alert> : null}
      <Card withBorder>
        <ul className="tree" aria-label={words.sections.attestations}>
          <li>
            <Group gap="xs">
              <PackageIcon aria-hidden="true" />
              <Text fw={600}>{image.kind === 'index' ? words.wholeImage : words.kinds[image.kind]}</Text>
              <Digest digest={image.digest} />
            </Group>
            <Branch parent={image.digest} {...tree} />
            {platforms.length === 0 ? null : (
              <ul className="branch">
                {platforms.map((one) => (
                  <PlatformBranch
                    key={one.digest}
                    platform={one.platform}
                    digest={one.digest}
                    isOpen={one.digest === image.selected?.digest}
                    tree={tree}
                  />
                ))}
              </ul>
            )}
          </li>
        </ul>
      </Card>
      {search.open === undefined ? null : (
        <AttestationView key={search.open} place={place} digest={search.open} close={() => show({ open: '' })} />
      )}
    </Stack>
  )
}

interface Tree {
  readonly children: Children
  readonly open: string | undefined
  readonly show: (digest: string) => void
}

function PlatformBranch(o: {
  readonly platform: string
  readonly digest: string
  readonly isOpen: boolean
  readonly tree: Tree
}) {
  const { text } = useSpeech()
  const [isOpen, setOpen] = useState(o.isOpen)
  const count = o.tree.children.get(o.digest)?.length ?? 0
  const Sign = isOpen ? ChevronDownIcon : ChevronRightIcon
  return (
    <li>
      <Group gap="xs">
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Sign aria-hidden="true" />}
          aria-expanded={isOpen}
          disabled={count === 0}
          onClick={() => setOpen(!isOpen)}
        >
          {o.platform}
        </Button>
        <Digest digest={o.digest} />
        <Text size="sm" c="dimmed">
          {text.images.hangs(count)}
        </Text>
      </Group>
      {isOpen ? <Branch parent={o.digest} {...o.tree} /> : null}
    </li>
  )
}

function Branch({ parent, ...tree }: Tree & { readonly parent: string }) {
  const items = tree.children.get(parent) ?? []
  return items.length === 0 ? null : (
    <ul className="branch">
      {items.map((one) => (
        <li key={one.digest}>
          <Leaf one={one} {...tree} />
          <Branch parent={one.digest} {...tree} />
        </li>
      ))}
    </ul>
  )
}

const SIGNS = {
  attestation: FileIcon,
  sbom: FileIcon,
  report: FileIcon,
  artifact: PackageIcon,
  signature: VerifiedIcon,
}

function Leaf({ one, open, show }: Tree & { readonly one: AttachedFacts }) {
  const { text, language } = useSpeech()
  const words = text.images
  const Sign = SIGNS[one.kind]
  const predicates = [...new Set(one.documents.flatMap(({ predicateType }) => predicateType ?? []))]
  const names = one.kind === 'signature' ? [] : predicates.map(nameOfPredicate)
  const title = names.join(', ') || (one.kind === 'artifact' ? (one.artifactType ?? '') : words.attachedKinds[one.kind])
  return (
    <Group gap="xs" wrap="wrap">
      <Sign size={14} aria-hidden="true" />
      {one.kind === 'signature' ? (
        <Text size="sm" c="dimmed">
          {words.attachedKinds.signature}
        </Text>
      ) : (
        <Button
          variant={open === one.digest ? 'light' : 'subtle'}
          size="compact-sm"
          onClick={() => show(one.digest)}
          title={predicates.join('\n') || (one.artifactType ?? undefined)}
        >
          {title}
        </Button>
      )}
      <Digest digest={one.digest} />
      <Text size="xs" c="dimmed">
        {bytes(one.sizeBytes, language)}
        {one.via === 'referrer' ? '' : ` · ${words.vias[one.via]}`}
      </Text>
      {one.kind === 'signature' ? null : (
        <Status tone={one.isSigned ? 'good' : 'quiet'} icon={one.isSigned ? ShieldCheckIcon : ShieldSlashIcon}>
          {one.isSigned ? words.signed : words.unsigned}
        </Status>
      )}
    </Group>
  )
}
