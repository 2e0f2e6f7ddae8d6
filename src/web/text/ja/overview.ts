import type { Text } from '../en/index.ts'

export const overview: Text['overview'] = {
  newest: '新しいタグ',
  tag: 'タグ',
  kubernetes: 'Kubernetes',
  onceMirrorOf: (source) => `以前は ${source} のミラーでした。ミラーリングは停止しています。`,
  mirrorOf: (source) => `${source} のミラー`,
  lookedAt: '最終確認:',
  more: 'ミラーを見る',
  describe: '説明を追加',
  editDescription: '説明を編集',
  description: '説明',
  pullPublic: '公開: このサーバーにアクセスできる人なら誰でもプルできます。',
  pullPrivate: '非公開: ユーザー名とトークンで一度サインインしてからプルしてください。',
  signIn: '先にサインインします。パスワードにはトークンを使います。',
  pullSecret: '先にプル用の Secret を作成します。TOKEN はトークンに置き換えてください。',
  mayPull:
    'このリポジトリはプルできます。設定、Webhook、アクティビティは管理者向けです。組織のオーナーまたは編集者に依頼してください。',
}
