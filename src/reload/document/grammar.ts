import { BASE_NAMESPACE, CHORD_NAMESPACE, PRIVATE_NAMESPACE, SIP_NAMESPACE } from './namespaces.ts';

const optional = (name: string, type: string): string =>
  `<optional><element name="${name}"><data type="${type}"/></element></optional>`;

const repeated = (name: string, type: string): string =>
  `<zeroOrMore><element name="${name}"><data type="${type}"/></element></zeroOrMore>`;

const isForeign = `
  <except>
    <nsName ns="${BASE_NAMESPACE}"/>
    <nsName ns="${CHORD_NAMESPACE}"/>
    <nsName ns="${SIP_NAMESPACE}"/>
    <nsName ns="${PRIVATE_NAMESPACE}"/>
    <nsName ns=""/>
  </except>`;

/**
 * RFC 6940 §11.1.1 in the XML syntax of RELAX NG, with requirement T8: `overlay-reliability-timer`, which the grammar
 * forgets; `topology-plug-in`, as the text spells it, beside `topology-plugin`; RFC 7904's `domain-restriction` in both
 * spellings and both places. The enumerations that end in "| xsd:string" are that: strings. A `required-kinds` element
 * may stand alone: the kind-blocks of a ConfigUpdate are read as one.
 */
export const DOCUMENT_GRAMMAR = `<?xml version="1.0" encoding="UTF-8"?>
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="${BASE_NAMESPACE}"
    datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start>
    <choice>
      <element name="overlay">
        <interleave>
          <oneOrMore><ref name="configuration"/></oneOrMore>
          <zeroOrMore><ref name="signature"/></zeroOrMore>
        </interleave>
      </element>
      <ref name="required-kinds"/>
    </choice>
  </start>

  <define name="configuration">
    <element name="configuration">
      <attribute name="instance-name" ns=""><data type="string"/></attribute>
      <optional><attribute name="expiration" ns=""><data type="dateTime"/></attribute></optional>
      <optional><attribute name="sequence" ns=""><data type="long"/></attribute></optional>
      <ref name="foreign-attributes"/>
      <interleave>
        <optional>
          <choice>
            <element name="topology-plugin"><data type="string"/></element>
            <element name="topology-plug-in"><data type="string"/></element>
          </choice>
        </optional>
        ${optional('max-message-size', 'unsignedInt')}
        ${optional('initial-ttl', 'int')}
        ${optional('overlay-reliability-timer', 'unsignedInt')}
        ${repeated('root-cert', 'base64Binary')}
        <optional><ref name="required-kinds"/></optional>
        ${repeated('enrollment-server', 'anyURI')}
        ${repeated('kind-signer', 'string')}
        ${repeated('configuration-signer', 'string')}
        ${repeated('bad-node', 'string')}
        ${optional('no-ice', 'boolean')}
        ${optional('shared-secret', 'string')}
        ${repeated('overlay-link-protocol', 'string')}
        ${optional('clients-permitted', 'boolean')}
        ${optional('turn-density', 'unsignedByte')}
        ${optional('node-id-length', 'int')}
        ${repeated('mandatory-extension', 'string')}
        <optional>
          <element name="self-signed-permitted">
            <attribute name="digest" ns=""><data type="string"/></attribute>
            <data type="boolean"/>
          </element>
        </optional>
        <zeroOrMore>
          <element name="bootstrap-node">
            <attribute name="address" ns=""><data type="string"/></attribute>
            <optional><attribute name="port" ns=""><data type="int"/></attribute></optional>
          </element>
        </zeroOrMore>
        <optional><element name="chord-ping-interval" ns="${CHORD_NAMESPACE}"><data type="int"/></element></optional>
        <optional><element name="chord-update-interval" ns="${CHORD_NAMESPACE}"><data type="int"/></element></optional>
        <optional><element name="chord-reactive" ns="${CHORD_NAMESPACE}"><data type="boolean"/></element></optional>
        <optional><ref name="domain-restriction"/></optional>
        <zeroOrMore>
          <element name="multicast-bootstrap" ns="${PRIVATE_NAMESPACE}">
            <attribute name="address" ns=""><data type="string"/></attribute>
            <optional><attribute name="port" ns=""><data type="int"/></attribute></optional>
          </element>
        </zeroOrMore>
        <zeroOrMore>
          <element name="revoked-user" ns="${PRIVATE_NAMESPACE}">
            <attribute name="since" ns=""><data type="dateTime"/></attribute>
            <data type="string"/>
          </element>
        </zeroOrMore>
        <ref name="foreign-elements"/>
      </interleave>
    </element>
  </define>

  <define name="signature">
    <element name="signature"><ref name="security-block"/></element>
  </define>

  <define name="security-block">
    <optional><attribute name="algorithm" ns=""><data type="string"/></attribute></optional>
    <data type="base64Binary"/>
  </define>

  <define name="required-kinds">
    <element name="required-kinds">
      <zeroOrMore>
        <element name="kind-block">
          <interleave>
            <ref name="kind"/>
            <optional><element name="kind-signature"><ref name="security-block"/></element></optional>
          </interleave>
        </element>
      </zeroOrMore>
    </element>
  </define>

  <define name="kind">
    <element name="kind">
      <choice>
        <attribute name="name" ns=""><data type="string"/></attribute>
        <attribute name="id" ns=""><data type="unsignedInt"/></attribute>
      </choice>
      <interleave>
        <element name="max-count"><data type="int"/></element>
        <element name="max-size"><data type="int"/></element>
        ${optional('max-node-multiple', 'int')}
        <element name="data-model"><data type="string"/></element>
        <element name="access-control"><data type="string"/></element>
        <optional><ref name="domain-restriction"/></optional>
        <ref name="foreign-elements"/>
      </interleave>
    </element>
  </define>

  <define name="domain-restriction">
    <element ns="${SIP_NAMESPACE}">
      <choice>
        <name>domain-restriction</name>
        <name>domain-restrictions</name>
      </choice>
      <optional><attribute name="enable" ns=""><data type="boolean"/></attribute></optional>
      <zeroOrMore><element name="pattern" ns="${SIP_NAMESPACE}"><data type="string"/></element></zeroOrMore>
    </element>
  </define>

  <define name="foreign-elements">
    <zeroOrMore>
      <element><anyName>${isForeign}</anyName><ref name="anything"/></element>
    </zeroOrMore>
  </define>

  <define name="foreign-attributes">
    <zeroOrMore>
      <attribute><anyName>${isForeign}</anyName></attribute>
    </zeroOrMore>
  </define>

  <define name="anything">
    <zeroOrMore>
      <choice>
        <element><anyName/><ref name="anything"/></element>
        <attribute><anyName/></attribute>
        <text/>
      </choice>
    </zeroOrMore>
  </define>
</grammar>
`;
