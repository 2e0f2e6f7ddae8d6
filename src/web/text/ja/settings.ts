import type { Text } from '../en/index.ts'

export const settings: Text['settings'] = {
  visibility: '公開範囲',
  makePublic: '公開する',
  makePrivate: '非公開にする',
  publicTitle: (name) => `${name} を公開しますか？`,
  publicLead: 'このサーバーにアクセスできる人なら誰でも、アカウントなしでプルできるようになります。',
  privateTitle: (name) => `${name} を非公開にしますか？`,
  privateLead: '権限のあるメンバーだけがプルできるようになります。',
  changed: '保存しました。',
  mayNot: '変更できるのはこのリポジトリの管理者だけです。組織のオーナーまたは編集者に依頼してください。',
}
