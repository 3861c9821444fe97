"""What files call their columns: English and German, banks' exports, ISO 20022 and ISO 8583; shortened or in full."""

import re
import unicodedata
from typing import Final

_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_FIRST_WORDS: Final = {
    "transaction": "transaction|trans|tran|txn|trx|trn|tx",
    "account": "account|accnt|acct|acc",
    "card": "creditcard|debitcard|bankcard|paymentcard|card|crd|cc(?!y)",
    "customer": "customer|cust",
    "merchant": "merchant|mrchnt|merch|mcht|mrch",
    "authorization": "authorization|authorisation|auth",
    "original": "original|orgnl|orig",
    "creditor": "creditor|cdtr",
    "debtor": "debtor|dbtr",
}
_LAST_WORDS: Final = {
    "datetime": "datetime|dttm|dtm",
    "date": "date|dt",
    "number": "nummer|number|nbr|num|no|nr",
    "amount": "amount|amnt|amt",
    "currencycode": "(?:currency|curr|cur|ccy)(?:code|cd)",
    "currency": "currency|curr|ccy",
    "countrycode": "(?:country|cntry|ctry)(?:code|cd)",
    "country": "country|cntry|ctry",
    "account": "account|acct",
    "reference": "reference|ref",
    "code": "code|cd",
    "type": "type|tp",
    "id": "identification|identifier|id",
}
_STARTS: Final = [(re.compile(f"^(?:{short})"), word) for word, short in _FIRST_WORDS.items()]
_ENDS: Final = [(re.compile(f"(?:{short})$"), word) for word, short in _LAST_WORDS.items()]

# In simple letters, in the order in which they are tried; the usual short forms of words need not be listed.
NAMES: Final = {
    "transactionId": "transactionid transnum transactionnumber transactionref paymentid chargeid orderid reference "
    "uuid id endtoendid instructionid instrid retrievalreferencenumber rrn journalnumber transaktionsnummer "
    "transaktionsid buchungsnummer vorgangsnummer belegnummer",
    "timestamp": "timestamp transdatetranstime transactiondatetime transactiontimestamp transactiondate "
    "transactiontime transmissiondatetime acceptancedatetime accptncdttm authorizationdatetime datetime eventtime "
    "eventtimestamp createdat createddateutc createdutc created creationdatetime credttm occurredat transactionts ts "
    "unixtime epoch when buchungszeit buchungszeitpunkt zeitpunkt zeitstempel transaktionszeit transaktionsdatum "
    "purchasedate paymentdate bookingdate bookgdt postingdate posteddate buchungstag buchungsdatum datum date time "
    "valuedate",
    "amountMinor": "amountminor amountcents amountincents transactionamount amounttransaction amount paymentamount "
    "purchaseamount authorizationamount instructedamount instdamt interbanksettlementamount intrbksttlmamt "
    "billingamount totalamount betrag transactionvalue value montant importe importo bedrag total gross umsatz summe",
    "currency": "currency currencycode transactioncurrency transactioncurrencycode amountcurrency "
    "currencycodetransaction billingcurrency waehrung wahrung devise moneda valuta waehrungscode",
    "type": "transactiontype paymenttype type processingcode creditdebitindicator cdtdbtind drcr crdr debitcredit "
    "buchungstext kind buchungsart transaktionsart umsatzart zahlungsart",
    "customerId": "customerid customernumber cif cifid cifnumber clientid clientnumber userid accountid customer "
    "client user nameorig auftragskonto payerid cardholderid kundennummer kundenid kunde debtoraccount debtoriban "
    "fromaccount sourceaccount senderaccount payeraccount senderid accountnumber account kontonummer",
    "cardToken": "cardtoken cardid cardfingerprint cardhash cardnumber primaryaccountnumber pan cardpan panhash "
    "card1 card kartennummer karte",
    "cardBin": "cardbin bin iin binnumber issueridentificationnumber",
    "cardLast4": "cardlast4 last4 lastfour cardlastfour last4digits",
    "merchantId": "merchantid merchantnumber mid cardacceptorid cardacceptoridcode cardacceptoridentificationcode "
    "merchant merchantname shopid storeid haendlernummer haendlerid haendler haendlername",
    "merchantCategoryCode": "merchantcategorycode merchantcatcode mcc mcccode merchantcategory merchanttype siccode",
    "merchantCountry": "merchantcountry merchantcountrycode haendlerland",
    "cardCountry": "cardcountry cardcountrycode cardissuecountry cardissuercountry issuercountry issuercountrycode "
    "issuingcountry bincountry kartenland",
    "billingCountry": "billingcountry billingcountrycode billcountry cardaddresscountry",
    "ipCountry": "ipcountry ipcountrycode",
    "terminalId": "terminalid terminalnumber tid cardacceptorterminalid terminal posid atmid",
    "deviceId": "deviceid device devicefingerprint devicehash geraeteid geraet",
    "ipAddress": "ipaddress ip clientip clientipaddress customerip customeripaddress userip remoteip ipaddr ipadresse",
    "latitude": "latitude lat merchlat merchantlatitude",
    "longitude": "longitude long lon lng merchlong merchantlongitude",
    "responseCode": "responsecode authresponsecode respcode",
    "originalTransactionId": "originaltransactionid originalid parentid parenttransactionid",
    "networkReference": "networkreference acquirerreferencenumber acquirerreference acquirerrefnumber "
    "acquirerreferencedata arn networktransactionid schemetransactionid cardnetworktransactionid",
    "counterpartyToken": "counterpartytoken counterparty counterpartyid counterpartyaccount counterpartyiban "
    "namedest creditoraccount creditoriban beneficiaryaccount payeeaccount recipientaccount receiveraccount "
    "toaccount destinationaccount payeeid beneficiaryid beneficiary kontonummeriban recipientid receiverid",
    "accountOpenedAt": "accountopenedat accountopened accountopendate opendate customersince kontoeroeffnung kundeseit",
    "label": "label isfraud fraud fraudflag fraudlabel fraudind fraudindicator transactionfraud class isfraudulent "
    "fraudulent betrug istbetrug betrugsfall",
    "labeledAt": "labeledat labelledat chargebackdate disputedateutc disputedate frauddate reportedat betrugsdatum "
    "meldedatum gemeldetam",
}
"""By field, what a column that has it may be called."""


def spellings(name: str) -> set[str]:
    """Return a column's name in simple letters: without accents, and with umlauts written as two letters."""
    composed = unicodedata.normalize("NFC", name).casefold()
    plain = (unicodedata.normalize("NFKD", each) for each in (composed, composed.translate(_UMLAUTS)))
    return {"".join(letter for letter in each if letter.isalnum() and letter.isascii()) for each in plain}


def is_of_card_numbers(name: str) -> bool:
    """Return whether a column of cards is called like their numbers, and not like tokens of them."""
    return any(in_full(each).endswith(("number", "pan")) for each in spellings(name))


def in_full(spelling: str) -> str:
    """Return a name in simple letters with its first and last word in full: `cardno` is `cardnumber`."""
    for words in (_STARTS, _ENDS):
        for short, word in words:
            changed, count = short.subn(word, spelling)
            if count:
                spelling = changed
                break
    return spelling
