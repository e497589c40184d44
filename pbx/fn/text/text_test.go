package text_test

import (
	"testing"

	"branchline/pbx/fn/fntest"
)

// The results in these tests were taken from Asterisk 22.10.1 unless a comment
// says otherwise.

func TestTexts(t *testing.T) {
	fntest.New(t).Run(t, `
	${LEN(abc)}|${LEN()}|${TOUPPER(aBc é)}|${TOLOWER(ABc É)}|${TRIM(  a b  )}|${LTRIM(  a )}|${RTRIM( a  )}| -> 3|0|ABC é|abc É|a b|a | a|
	${FILTER(0-9,a1b2)}|${FILTER(a-zA-Z,a1B2)}|${FILTER(\x30-\x39,a1)}|${FILTER(0-9\-,1-2)}|${FILTER(-,a-b)}|${FILTER(0-9,)}|${FILTER(,abc)}|${FILTER(0-9)}|${FILTER(a\,b,a,b,c)}|${FILTER(z-a,abc)} -> 12|aB|1|1-2|-||||a,b,|a
	${REGEX("a.c" abc)}|${REGEX("^b" abc)}|${REGEX("b")}|${REGEX(abc abc)}|${REGEX("(" x)}|${REGEX("A" a)}|${REGEX("" x)}|${REGEX("x"  x)}|${REGEX("^ x"  x)}|${REGEX("a" b" a)} -> 1|0|0|||0|1|1|1|1
	${QUOTE(a"b,c)}|${CSV_QUOTE(a,b"c)}|${QUOTE(a\b)}|${QUOTE()}|${CSV_QUOTE()}|${CSV_QUOTE(plain)} -> "a\"b,c"|"a,b""c"|"a\\b"|""|""|"plain"
	${URIENCODE(a b@c/d?)}|${URIDECODE(a%20b%zz)}|${URIENCODE(-_.~!*'()&=+$,é)}|${URIDECODE(a+b%2)} -> a%20b%40c%2Fd%3F|a b%zz|-_.~!*'()%26%3D%2B%24%2C%C3%A9|a+b%2
	${BASE64_ENCODE(hello)}|${BASE64_DECODE(aGVsbG8=)}|${MD5(abc)}|${SHA1(abc)}|${KEYPADHASH(Les)}|${KEYPADHASH(a1-B)}|${BASE64_DECODE(aGVsbG8)} -> aGVsbG8=|hello|900150983cd24fb0d6963f7d28e17f72|a9993e364706816aba3e25717850c26c9cd0d89d|537|212|hello
	${SPRINTF(%05d,42)}|${SPRINTF(%s-%s,a,b)}|${SPRINTF(%5.2f,3.14159)}|${SPRINTF(%x,255)}|${SPRINTF(%c,65)}|${SPRINTF(%%)}|${SPRINTF(%d,abc)}|${SPRINTF(%-5s|,a)}|${SPRINTF(%+d,5)} -> 00042|a-b| 3.14|ff|A|%||a    ||+5
	${SPRINTF(%X %o %e %g %u,255,8,1.5,0.1,7)}|${SPRINTF(x)}|${SPRINTF(%5s,ab)}|${SPRINTF(%.2s,abcdef)}|${SPRINTF(%c,A)}|${SPRINTF(%q,1)}|${SPRINTF(%99999d,1)}|${SPRINTF(%g,1234567)} -> FF 10 1.500000e+00 0.1 7|x|   ab|ab||||1.23457e+06
	${PASSTHRU(abc):1}|${BASENAME(/a/b.Channel)}|${DIRNAME(/a/b.Channel)}|${BASENAME(x)} -> bc|b.Channel|/a|x
	`)
}

func TestLists(t *testing.T) {
	fntest.New(t).Run(t, `
	!L=a-b-c
	!CS=a,b,c
	${CUT(L,-,2)}|${CUT(L,-,2-)}|${CUT(L,-,-2)}|${CUT(L,-,1&3)}|${CUT(L,-,9)}|${CUT(L,-,0)}|${CUT(L,-,3-1)}|${CUT(L,,2)}|${CUT(CS,\,,2)}|${CUT(A-B-C,-,2)}|${CUT(L,-)}|${CUT(L)}|${CUT(L,-,2-3)}|${CUT(L,-,x)}|${CUT(L,-b,2)} -> b|b-c|a-b|a-c||||b|b||||b-c||b
	${FIELDQTY(L,-)}|${FIELDQTY(CS,\,)}|${FIELDQTY(NOPE,-)}|${FIELDQTY(L,x)}|${FIELDQTY(L,)}|${FIELDQTY(L)}|${FIELDQTY(CS,,)} -> 3|3|0|1|1|1|3
	${FIELDNUM(L,-,b)}|${FIELDNUM(L,-,z)}|${FIELDNUM(CS,\,,c)} -> 2|0|3
	${REPLACE(L,-,_)}|${REPLACE(L,abc,X)}|${REPLACE(L,-)}|${REPLACE(L,a-c,X)}|${REPLACE(CS,\,,;)}|${REPLACE(L,,x)}|${REPLACE(L,-,xy)} -> a_b_c|X-X-X|abc|XXbXX|a;b;c||axbxc
	${STRREPLACE(L,b,XX)}|${STRREPLACE(L,-,)}|${STRREPLACE(L,-)}|${STRREPLACE(L,-,+,1)}|${STRREPLACE(CS,\,,;)}|${STRREPLACE(L,,x)}|${STRREPLACE(NOPE,a,b)} -> a-XX-c|abc|abc|a+b-c|a;b;c||
	!SL=a,b,c
	${SHIFT(SL)}|${SL}|${POP(SL)}|${SL} -> a|b,c|c|b
	!PUSH(SL)=x
	!UNSHIFT(SL)=y,z
	!PUSH(SL)=m,n
	${SL} -> y,z,b,x,m,n
	${LISTFILTER(SL,\,,x)}|${LISTFILTER(SL,\,,nope)} -> y,z,b,m,n|y,z,b,x,m,n
	!SP=a-b-c
	${SHIFT(SP,-)}|${SP}|${POP(SP,-)}|${SP}|${SHIFT(SP,-)}|${SP}|${SHIFT(SP,-)}|${SP} -> a|b-c|c|b|b|||
	!PUSH(NEWL)=q
	${NEWL} -> q
	${SORT(a:3,b:1,c:2.5)}|${SORT(x)}|${SORT(a:b,c:a)}|${SORT(a:10,b:9)} -> b,c,a||a,c|b,a
	!ARRAY(a,b)=1,2
	${a}|${b} -> 1|2
	!ARRAY(a,b)=1\,2
	${a}|${b} -> 1,2|
	!ARRAY(a,b)="x,y",z
	${a}|${b} -> x,y|z
	`)
}

func TestLogic(t *testing.T) {
	fntest.New(t).Run(t, `
	${IF($[1=1]?yes:no)}|${IF(0?yes:no)}|${IF(1?yes)}|${IF(0?yes)}|${IF(1?"a b":c)}|${IF(0?a:"b:c")}|${IF( ?a:b)}|${IF(x?a:b)}|${IF(00?a:b)}|${IF(1?a:b:c)}|${IF(0?a:b:c)}|${IF(1)}|${IF(1?:b)}|${IF(1? a : b )}|${IF(-0?a:b)}|${IF(0x?a:b)}|${IF(0.5?a:b)} -> yes|no|yes||a b|"b:c"|b|a|b|a|b:c|||a|b|b|b
	${IFTIME(*,*,*,*?in:out)}|${IFTIME(*,*,*,*?in)}|${IFTIME(bad?in:out)}|${IFTIME(*,*,*,*)}|${IFTIME(*|*|*|*?in:out)} -> in|in|out||in
	${ISNULL()}|${ISNULL(x)}|${EXISTS()}|${EXISTS(x)}|${ISNULL( )} -> 1|0|0|1|0
	${SET(NV=abc)}|${NV}|${SET(GLOBAL(NG)=4)}|${NG}|${SET(x)} -> abc|abc|4|4|
	!GLOBAL(ZZ)=7
	${ZZ}|${GLOBAL(ZZ)} -> 7|7
	!ZZ=8
	${ZZ}|${GLOBAL(ZZ)}|${GLOBAL(NOPE)}|${GLOBAL_EXISTS(GV)}|${VARIABLE_EXISTS(ZZ)}|${VARIABLE_EXISTS(GV)} -> 8|7||1|1|0
	!GLOBAL_DELETE(ZZ)=
	${GLOBAL_EXISTS(ZZ)} -> 0
	!DV=x
	!DELETE(DV)=
	${DV}|${VARIABLE_EXISTS(DV)} -> |0
	!V2=inner
	${EVAL($[1+1])}|${PASSTHRU(${V2})}|${EVAL(plain)} -> 2|inner|plain
	`)
}

func TestEvalReadsTwice(t *testing.T) {
	b := fntest.New(t)
	b.Channel.SetVar("TXT", "${V2}")
	b.Channel.SetVar("V2", "inner")
	b.Run(t, "${EVAL(${TXT})}|${TXT} -> inner|${V2}")
}

func TestNumbers(t *testing.T) {
	fntest.New(t).Run(t, `
	${MATH(7/2)}|${MATH(7/2,int)}|${MATH(7*2)}|${MATH(7%2,int)}|${MATH(1<<4,int)}|${MATH(16>>2,int)}|${MATH(2^10)}|${MATH(6AND3,int)}|${MATH(6OR3,i)}|${MATH(6XOR3,i)} -> 3.500000|3|14.000000|1|16|4|1024.000000|2|7|5
	${MATH(1<2)}|${MATH(1>2)}|${MATH(1>=1)}|${MATH(1<=0)}|${MATH(1==1)}|${MATH(2**3)}|${MATH(255+0,hex)}|${MATH(65+0,char)}|${MATH(1/0)}|${MATH(1%0)}|${MATH(a+1)}|${MATH(1)}|${MATH(1+)} -> TRUE|FALSE|TRUE|FALSE|TRUE||ff|A|0.000000|0.000000|||
	${MATH(-5+3,int)}|${MATH(5--3,int)}|${MATH(1.5+1.5,int)}|${MATH(3.7+0,int)}|${MATH(1 + 2)}|${MATH(1+2+3)}|${MATH(8&3,int)}|${MATH(1+1,foo)}|${MATH(7.5%2)}|${MATH(1e3+1)}|${MATH(5-3,f)} -> -2|8|3|3|3.000000|3.000000|||1.000000|1001.000000|2.000000
	${MATH(8+0,octal)}|${MATH(1<<99,int)}|${MATH(99999999999*1,int)} -> 10||99999999999
	!N=5
	!L=a-b
	${INC(N)}|${N}|${INC(N)}|${N}|${DEC(N)}|${N}|${INC(UNSETN)}|${UNSETN}|${INC(L)}|${INC()} -> 6|6|7|7|6|6||||
	${RAND(5,5)}|${MIN(1,2,3)}|${MAX(1,2,3)}|${ABS(-5)}|${ABS(-5.5)}|${MIN(1.5,2)}|${MAX(a,1)}|${MIN()}|${ABS(abc)}|${DIGIT_SUM(a12 3)} -> 5|1|3|5|5.500000|1.500000||||6
	$[${RAND(7,3)} >= 3 & ${RAND(3,7)} <= 7]|$[MIN(1,2)]|$[ABS(-5)]|$[CALLERID(num)] -> 1|1|5|0
	`)
}

func TestClock(t *testing.T) {
	fntest.New(t).Run(t, `
	${STRFTIME(0,UTC,"%Y")}|${STRFTIME(0,UTC,a\,b)}|${STRFTIME(0,UTC,a"b,c"d)}|${STRFTIME(0,UTC,%Y,%m)}|${STRFTIME(0,UTC)}|${STRFTIME(1.5,UTC,%q %3q %1q)}|${STRFTIME(-1,UTC,%Y)} -> "1970"|a\,b|a"b,c"d|1970,01|Thu Jan  1 00:00:00 1970|500 500 5|1969
	${STRFTIME(0,UTC,%d.%m.%Y %H:%M:%S %a %A %b %B %j %p %P %I %y %Z %z %s %D %e %F %T %R %k %l %u %w %U %V %W %G %C %% %c %x %X %h %-d %^a %Q)} -> 01.01.1970 00:00:00 Thu Thursday Jan January 001 AM am 12 70 UTC +0000 0 01/01/70  1 1970-01-01 00:00:00 00:00  0 12 4 4 00 01 00 1970 19 % Thu Jan  1 00:00:00 1970 01/01/70 00:00:00 Jan 1 THU %Q
	${STRFTIME(0,Europe/Berlin,%H)}|${STRPTIME(2006-03-01 07:30:35,America/Chicago,%Y-%m-%d %H:%M:%S)}|${STRPTIME(bad,UTC,%Y)}|${STRPTIME(2006-03-01,UTC,%Y-%m-%d)} -> 01|1141219835||1141171200
	${STRPTIME(Mar 1 2006 7:30 PM,UTC,%b %d %Y %I:%M %p)}|${STRPTIME(123,UTC,%s)}|${STRPTIME(06/03/01,UTC,%y/%m/%d)}|${STRPTIME(1,UTC)} -> 1141241400|123|1141171200|
	`)
}

func TestAddresses(t *testing.T) {
	b := fntest.New(t)
	b.Run(t, `
	${PJSIP_PARSE_URI("Bob" <sip:bob@host:5070;transport=tcp>,user)}|${PJSIP_PARSE_URI(sip:bob:pw@host:5070,host)}|${PJSIP_PARSE_URI(sip:bob@host:5070,port)}|${PJSIP_PARSE_URI(sip:bob:pw@host,passwd)}|${PJSIP_PARSE_URI("Bob B" <sips:bob@host>,display)}|${PJSIP_PARSE_URI(sips:bob@host,scheme)}|${PJSIP_PARSE_URI(bogus,user)}|${PJSIP_PARSE_URI(sip:bob@host,port)}|${PJSIP_PARSE_URI(sip:bob@host,foo)}|${PJSIP_PARSE_URI(tel:123,user)}|${PJSIP_PARSE_URI(sip:host,user)} -> bob|host|5070|pw|Bob B|sips||0|||
	`)
	b.Channel.SetVar("U", "sip:bob@host:1")
	b.Run(t, "${PJSIP_PARSE_URI_FROM(U,port)} -> 1")
}
